// SPDX-License-Identifier: MIT
// Players of sounds in step: all sources play all the time, gains decide which is heard, so a switch loses no sample.
// One player sounds at a time. window.fxtrain shows the state, for tests and the curious.
(() => {
  "use strict";

  const FADE = 0.006; // seconds of a switch, a seam or a stop: too short to hear, long enough not to click
  const AHEAD = 1.5; // seconds for which seams are planned: timers of a hidden tab run once a second

  const contexts = new Map(); // by sample rate: a browser allows only a few
  const contextOf = (sampleRate) => {
    if (!contexts.has(sampleRate)) {
      const Context = window.AudioContext || window.webkitAudioContext;
      try {
        contexts.set(sampleRate, new Context({ sampleRate, latencyHint: "interactive" }));
      } catch {
        contexts.set(sampleRate, new Context()); // a rate that the browser cannot do: it resamples the buffers
      }
    }
    return contexts.get(sampleRate);
  };

  const players = [];

  const makePlayer = (data) => {
    const SOURCES = data.sources.map(({ key }) => key);
    const colours = Object.fromEntries(data.sources.map((source) => [source.key, source.colour]));
    const deck = document.getElementById(data.id);
    const element = (selector) => deck.querySelector(selector);
    const part = (name) => element(`[data-part="${name}"]`);
    const canvas = element("canvas");

    // Sounds

    const decode = ({ scale, pcm }) => {
      const bytes = Uint8Array.from(atob(pcm), (character) => character.charCodeAt(0));
      return Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample * scale);
    };
    const sounds = {};
    for (const { key, clip } of data.sources) if (clip) sounds[key] = decode(clip);
    for (const { key, sum } of data.sources) {
      if (sum) sounds[key] = sounds[sum[0]].map((sample, frame) => sample + sounds[sum[1]][frame]);
    }
    const cabinet = data.cabinet && decode(data.cabinet);
    const duration = sounds[SOURCES[0]].length / data.sampleRate;
    const gainOf = (name) => (state.matched ? 10 ** ((data.gains?.[name] ?? 0) / 20) : 1);

    // State: `offset` is the position when stopped, and where play began when playing.

    const state = {
      source: data.selected, playing: false, loop: true, matched: true, cabinet: false, offset: 0, region: [0, duration],
      abx: { on: false, choice: "a", secret: "a", right: 0, answers: 0 },
    };
    let context, output, sum, direct, through, pass;
    const gains = {};

    const heard = () => {
      if (!state.abx.on) return state.source;
      const letter = state.abx.choice === "x" ? state.abx.secret : state.abx.choice;
      return data.pair[letter === "a" ? 0 : 1];
    };

    const position = () => {
      if (!state.playing) return state.offset;
      const at = state.offset + Math.max(context.currentTime - pass.began, 0);
      const [start, end] = state.region;
      if (at < end) return at;
      return state.loop ? start + ((at - start) % (end - start)) : end;
    };

    // Playing

    const openContext = () => {
      if (context) return;
      context = contextOf(data.sampleRate);
      [output, sum, direct] = [context.createGain(), context.createGain(), context.createGain()];
      output.connect(context.destination);
      sum.connect(direct).connect(output);
      if (cabinet) {
        const buffer = context.createBuffer(1, cabinet.length, context.sampleRate);
        buffer.getChannelData(0).set(cabinet); // before the node takes the buffer: it copies it
        const convolver = new ConvolverNode(context, { buffer, disableNormalization: true });
        through = context.createGain();
        sum.connect(convolver).connect(through).connect(output);
      }
      route(0);
      for (const name of SOURCES) {
        gains[name] = context.createGain();
        gains[name].gain.value = name === heard() ? gainOf(name) : 0;
        gains[name].connect(sum);
        gains[name].buffer = context.createBuffer(1, sounds[name].length, data.sampleRate);
        gains[name].buffer.getChannelData(0).set(sounds[name]);
      }
    };

    /** Sends what is heard to the output as it is, or through the cabinet. */
    const route = (seconds) => {
      direct.gain.setTargetAtTime(state.cabinet ? 0 : 1, context.currentTime, seconds);
      through?.gain.setTargetAtTime(state.cabinet ? 1 : 0, context.currentTime, seconds);
    };

    const mix = () => {
      if (!context) return;
      route(FADE / 2);
      for (const name of SOURCES) {
        gains[name].gain.setTargetAtTime(name === heard() ? gainOf(name) : 0, context.currentTime, FADE / 2);
      }
    };

    const begin = (from) => {
      openContext();
      context.resume();
      for (const other of players) if (other !== player) other.stop();
      const [start, end] = state.region;
      state.offset = from >= start && from < end - 0.01 ? from : start;
      const began = context.currentTime + 0.01;
      const nodes = SOURCES.map((name) => {
        const envelope = context.createGain();
        const node = context.createBufferSource();
        node.buffer = gains[name].buffer;
        node.loop = state.loop;
        [node.loopStart, node.loopEnd] = [start, end];
        envelope.gain.setValueAtTime(0, began);
        envelope.gain.linearRampToValueAtTime(1, began + FADE);
        node.connect(envelope).connect(gains[name]);
        if (state.loop) node.start(began, state.offset);
        else node.start(began, state.offset, end - state.offset);
        return { node, envelope };
      });
      pass = { began, nodes, seam: began + end - state.offset };
      const mine = pass;
      nodes[0].node.onended = () => {
        if (pass !== mine || !state.playing) return;
        state.playing = false;
        state.offset = state.region[0];
        show();
      };
      state.playing = true;
      planSeams();
      mix();
    };

    const end = () => {
      const now = context.currentTime;
      state.offset = position();
      state.playing = false;
      for (const { node, envelope } of pass.nodes) {
        envelope.gain.cancelScheduledValues(now);
        envelope.gain.setTargetAtTime(0, now, FADE / 3);
        node.stop(now + 2 * FADE);
      }
    };

    /** Fades out before and in after each turn of the loop, where the wave would jump. */
    const planSeams = () => {
      if (!state.playing || !state.loop) return;
      const length = state.region[1] - state.region[0];
      for (; pass.seam < context.currentTime + AHEAD; pass.seam += length) {
        for (const { envelope: { gain } } of pass.nodes) {
          gain.setValueAtTime(1, Math.max(pass.seam - FADE, pass.began + FADE));
          gain.linearRampToValueAtTime(0, pass.seam);
          gain.linearRampToValueAtTime(1, pass.seam + FADE);
        }
      }
    };
    setInterval(planSeams, 250);

    const seek = (to) => {
      const at = Math.min(Math.max(to, 0), duration);
      if (state.playing) { end(); begin(at); } else state.offset = at;
      show();
    };
    const toggle = () => { if (state.playing) end(); else begin(state.offset); show(); };
    const stop = () => { if (state.playing) toggle(); };
    const change = (what) => {
      const playing = state.playing;
      if (playing) end();
      Object.assign(state, what);
      if (playing) begin(state.offset);
      show();
    };
    const select = (source) => { state.source = source; mix(); show(); };

    // Blind test

    const draw = () => (crypto.getRandomValues(new Uint8Array(1))[0] & 1 ? "a" : "b");
    const choose = (letter) => { state.abx.choice = letter; mix(); show(); };
    const setBlind = (on) => {
      Object.assign(state.abx, { on, choice: "a", secret: draw(), right: 0, answers: 0 });
      if (on) state.matched = true;
      element(".abx-result").textContent = "No answer yet. Ten answers make a fair test.";
      mix();
      show();
    };
    /** Probability of at least so many right answers by tossing a coin. */
    const chance = (right, answers) => {
      let term = 0.5 ** answers, sum = 0;
      for (let k = 0; k <= answers; k++) {
        if (k >= right) sum += term;
        term *= (answers - k) / (k + 1);
      }
      return Math.min(sum, 1);
    };
    const answer = (letter) => {
      const abx = state.abx, correct = letter === abx.secret;
      abx.answers += 1;
      abx.right += correct;
      abx.secret = draw();
      const p = chance(abx.right, abx.answers);
      const percent = p < 0.01 ? "under 1" : String(Math.round(100 * p));
      const meaning = p < 0.05 ? "You hear a difference."
        : abx.answers < 10 ? `${10 - abx.answers} more for a fair test.`
        : "No sign that you hear a difference.";
      element(".abx-result").textContent =
        `${correct ? "Right" : "Wrong"}: ${abx.right} of ${abx.answers}. ` +
        `Guessing does as well ${percent} % of the time. ${meaning}`;
      mix();
      show();
    };

    // Picture

    const colour = (name) => getComputedStyle(deck).getPropertyValue(`--${name}`).trim();
    const peaks = new Map();
    /** Lowest and highest sample of each pixel column. */
    const columns = (name, width) => {
      const key = `${name} ${width}`;
      if (!peaks.has(key)) {
        if (peaks.size > 16) peaks.clear();
        const x = sounds[name], low = new Float32Array(width), high = new Float32Array(width);
        for (let column = 0; column < width; column++) {
          const from = Math.floor((column * x.length) / width);
          const to = Math.max(Math.floor(((column + 1) * x.length) / width), from + 1);
          for (let frame = from; frame < to && frame < x.length; frame++) {
            if (x[frame] < low[column]) low[column] = x[frame];
            if (x[frame] > high[column]) high[column] = x[frame];
          }
        }
        peaks.set(key, { low, high, peak: Math.max(...high, ...low.map((v) => -v), 1e-9) });
      }
      return peaks.get(key);
    };

    const strips = {}; // pictures along the time axis, such as spectrograms
    for (const { key, strip } of data.sources) {
      if (!strip) continue;
      strips[key] = new Image();
      strips[key].addEventListener("load", () => { if (!animating) paint(); });
      strips[key].src = strip;
    }
    const hasStrips = Object.keys(strips).length > 0;

    /** What the wave and the pictures are of. Those of X must not give it away. */
    const shownSource = () => (state.abx.on ? data.pair[0] : heard());

    const paint = () => {
      const ratio = window.devicePixelRatio || 1;
      const width = Math.max(Math.round(canvas.clientWidth * ratio), 1);
      const height = Math.max(Math.round(canvas.clientHeight * ratio), 1);
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      const pen = canvas.getContext("2d");
      pen.clearRect(0, 0, width, height);
      const foot = 20 * ratio;
      const wave = hasStrips ? Math.round((height - foot) * 0.55) : height - foot; // height of the wave
      const middle = wave / 2;
      const x = (seconds) => (seconds / duration) * width;
      const [start, end] = state.region;
      const cut = end - start < duration - 1e-6;
      if (cut) {
        pen.fillStyle = colour("raised");
        pen.fillRect(x(start), 0, x(end) - x(start), height - foot);
      }
      // Drawn as heard: at its loudness.
      const hidden = state.abx.on;
      const shown = shownSource();
      const { low, high } = columns(shown, width);
      // Where two sources are to be compared, others may have higher peaks at equal loudness.
      const measured = new Set([...(data.pair ?? SOURCES), shown]);
      const top = Math.max(...[...measured].map((name) => columns(name, width).peak * gainOf(name)));
      const scale = (0.95 * middle * gainOf(shown)) / top;
      const now = x(position());
      pen.fillStyle = colour(hidden ? "unknown" : colours[shown]);
      for (let column = 0; column < width; column++) {
        const inside = column >= x(start) && column <= x(end);
        pen.globalAlpha = !inside ? 0.2 : column <= now ? 1 : 0.55;
        const from = middle - high[column] * scale;
        pen.fillRect(column, from, 1, Math.max(middle - low[column] * scale - from, ratio));
      }
      pen.globalAlpha = 1;
      if (strips[shown]?.complete) {
        const top = wave + 6 * ratio, tall = height - foot - top;
        pen.globalAlpha = 0.25;
        if (cut) pen.drawImage(strips[shown], 0, top, width, tall);
        pen.globalAlpha = 1;
        pen.save();
        pen.beginPath();
        pen.rect(x(start), top, x(end) - x(start), tall);
        pen.clip();
        pen.drawImage(strips[shown], 0, top, width, tall);
        pen.restore();
      }
      if (cut) {
        pen.fillStyle = colour("muted");
        for (const edge of [start, end]) pen.fillRect(x(edge) - ratio / 2, 0, ratio, height - foot);
      }
      pen.fillStyle = colour("ink");
      pen.fillRect(now - ratio, 0, 2 * ratio, height - foot);
      pen.fillStyle = colour("muted");
      pen.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
      const step = [0.1, 0.2, 0.5, 1, 2, 5].find((s) => x(s) > 55 * ratio) ?? 10;
      for (let k = 0; k * step < duration; k++) {
        const at = x(k * step);
        pen.fillRect(at, height - foot, ratio, 5 * ratio);
        if (at + 30 * ratio < width) pen.fillText(`${+(k * step).toFixed(1)} s`, at + 4 * ratio, height - 5 * ratio);
      }
      const seconds = position();
      element(".time").textContent = `${seconds.toFixed(1)} / ${duration.toFixed(1)} s`;
      canvas.setAttribute("aria-valuenow", seconds.toFixed(2));
      canvas.setAttribute("aria-valuetext", `${seconds.toFixed(1)} seconds`);
    };

    let animating = false;
    const animate = () => { paint(); animating = state.playing; if (animating) requestAnimationFrame(animate); };

    const decibels = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(1)} dB`;
    const pressed = (button, on) => button.setAttribute("aria-pressed", String(on));
    const show = () => {
      deck.classList.toggle("playing", state.playing);
      element(".play").setAttribute("aria-label", state.playing ? "Stop" : "Play");
      for (const button of deck.querySelectorAll("[data-source]")) pressed(button, button.dataset.source === state.source);
      for (const button of deck.querySelectorAll("[data-abx]")) pressed(button, button.dataset.abx === state.abx.choice);
      for (const label of deck.querySelectorAll("[data-gain]")) {
        const gain = data.gains[label.dataset.gain];
        label.textContent = gain === null ? "silent" : !state.matched ? "as recorded" : Math.abs(gain) < 0.05 ? "0 dB" : decibels(gain);
      }
      pressed(part("loop"), state.loop);
      if (cabinet) pressed(part("cabinet"), state.cabinet);
      part("whole").hidden = state.region[1] - state.region[0] > duration - 1e-6;
      if (part("match")) {
        pressed(part("match"), state.matched);
        part("match").hidden = state.abx.on;
      }
      if (data.pair) {
        pressed(part("abx"), state.abx.on);
        element(".sources").hidden = state.abx.on;
        element(".abx-keys").hidden = element(".abx").hidden = !state.abx.on;
      }
      const pictures = [...deck.querySelectorAll("[data-picture]")];
      const own = pictures.some((picture) => picture.dataset.picture === shownSource());
      for (const picture of pictures) picture.hidden = picture.dataset.picture !== (own ? shownSource() : "");
      if (!animating) animate();
    };

    // Hands

    const wholeRegion = () => change({ region: [0, duration] });
    element(".play").addEventListener("click", toggle);
    part("loop").addEventListener("click", () => change({ loop: !state.loop }));
    part("match")?.addEventListener("click", () => { state.matched = !state.matched; mix(); show(); });
    part("cabinet")?.addEventListener("click", () => { state.cabinet = !state.cabinet; mix(); show(); });
    part("whole").addEventListener("click", wholeRegion);
    part("abx")?.addEventListener("click", () => setBlind(!state.abx.on));
    part("abx-reset")?.addEventListener("click", () => setBlind(true));
    for (const button of deck.querySelectorAll("[data-source]")) button.addEventListener("click", () => select(button.dataset.source));
    for (const button of deck.querySelectorAll("[data-abx]")) button.addEventListener("click", () => choose(button.dataset.abx));
    for (const button of deck.querySelectorAll("[data-answer]")) button.addEventListener("click", () => answer(button.dataset.answer));

    // After a click by hand the space bar plays again; who tabs to a button keeps it.
    deck.addEventListener("click", (event) => { if (event.detail > 0) event.target.closest("button")?.blur(); });

    const secondsAt = (event) => {
      const box = canvas.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * duration;
    };
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      drag = { x: event.clientX, from: secondsAt(event), region: null };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag || (Math.abs(event.clientX - drag.x) < 6 && !drag.region)) return;
      const to = secondsAt(event);
      drag.region = [Math.min(drag.from, to), Math.max(drag.from, to)];
    });
    canvas.addEventListener("pointerup", () => {
      if (!drag) return;
      const { from, region } = drag;
      drag = null;
      if (region && region[1] - region[0] >= 0.1) {
        change({ region, loop: true });
        if (position() < region[0] || position() > region[1]) seek(region[0]);
      } else {
        if (from < state.region[0] || from > state.region[1]) state.region = [0, duration];
        seek(from);
      }
    });
    canvas.addEventListener("mousedown", (event) => event.preventDefault()); // the focus ring is for the keyboard
    canvas.addEventListener("pointercancel", () => { drag = null; });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.5, ArrowRight: 0.5, PageDown: -2, PageUp: 2, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      seek(step === Infinity ? duration - 0.5 : position() + step);
    });

    /** A key that was pressed anywhere on the page, if it means something to this player. */
    const press = (event) => {
      const number = Number(event.key) - 1;
      if (SOURCES.length > 1 && number in SOURCES) {
        if (!state.abx.on) select(SOURCES[number]);
        else if (number < 3) choose("abx"[number]);
      } else if (event.key === " ") {
        if (event.target.closest("button, a, summary")) return; // which keep their own space bar
        event.preventDefault();
        toggle();
      } else if (event.key === "l") change({ loop: !state.loop });
      else if (event.key === "m" && !state.abx.on) part("match")?.click();
      else if (event.key === "c") part("cabinet")?.click();
      else if (event.key === "Escape") wholeRegion();
    };

    new ResizeObserver(() => { if (!animating) paint(); }).observe(canvas);

    const player = {
      id: data.id, deck, duration, sounds, press, show, stop,
      get position() { return position(); },
      get playing() { return state.playing; },
      get source() { return heard(); },
      get region() { return [...state.region]; },
      get abx() { return { ...state.abx }; },
      get context() { return context; },
      get output() { return output; },
      level: (name) => gains[name]?.gain.value ?? 0,
    };
    return player;
  };

  players.push(...JSON.parse(document.getElementById("report-data").textContent).players.map(makePlayer));
  for (const player of players) player.show();

  // Keys act on the player that was used last while a good part of it is in view, else on the one in view.

  let used = players[0];
  /** Share of a player, or of the window if that is smaller, that is in view. */
  const inView = ({ deck }) => {
    const { top, bottom, height } = deck.getBoundingClientRect();
    return Math.max(Math.min(bottom, innerHeight) - Math.max(top, 0), 0) / Math.min(height, innerHeight);
  };
  const keyed = () => {
    if (players.length < 2 || inView(used) > 0.3) return used;
    const best = players.reduce((a, b) => (inView(b) > inView(a) ? b : a));
    return inView(best) > 0 ? best : used;
  };
  const mark = () => {
    if (players.length < 2) return;
    const chosen = keyed();
    for (const player of players) player.deck.classList.toggle("keyed", player === chosen);
  };
  for (const player of players) {
    for (const kind of ["pointerdown", "focusin"]) {
      player.deck.addEventListener(kind, () => { used = player; mark(); });
    }
  }
  for (const kind of ["scroll", "resize"]) addEventListener(kind, mark, { passive: true });
  mark();

  document.addEventListener("keydown", (event) => {
    if (!players.length || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    used = keyed();
    used.press(event);
  });

  for (const command of document.querySelectorAll(".command")) {
    const text = command.querySelector("pre"), button = command.querySelector("button");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
      } catch {
        getSelection().selectAllChildren(text);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // Tooltips: the meaning of a word is its title, which readers without scripts get from the browser.

  const tooltip = document.getElementById("tooltip");
  const explain = (term) => {
    tooltip.textContent = term.dataset.meaning;
    tooltip.hidden = false;
    const at = term.getBoundingClientRect(), box = tooltip.getBoundingClientRect();
    const left = Math.max(Math.min(at.left, document.documentElement.clientWidth - box.width - 16), 16);
    const top = at.bottom + box.height + 16 < innerHeight ? at.bottom + 8 : at.top - box.height - 8;
    Object.assign(tooltip.style, { left: `${left + scrollX}px`, top: `${top + scrollY}px` });
    term.setAttribute("aria-describedby", "tooltip");
  };
  const hush = () => { tooltip.hidden = true; };
  for (const term of document.querySelectorAll(".term")) {
    term.dataset.meaning = term.title;
    term.removeAttribute("title");
    for (const kind of ["pointerenter", "focus"]) term.addEventListener(kind, () => explain(term));
    for (const kind of ["pointerleave", "blur"]) term.addEventListener(kind, hush);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });

  window.fxtrain = Object.assign(Object.create(players[0] ?? null), { players, keyed });
})();
