// SPDX-License-Identifier: MIT
#pragma once

namespace fxtrain {

/** The level of a sine at the instrument input that an audio interface reads as full scale. */
struct InterfaceLevel {
  const char* name;
  float dbu;
};

/** Common interfaces, with their gain at its minimum and no pad. docs/plugin.md has the same table, and says where the
    figures come from. */
inline constexpr InterfaceLevel kInterfaceLevels[] = {
    {"Arturia MiniFuse", 11.5f},
    {"Audient iD4 MkII", 12.0f},
    {"Focusrite Scarlett Solo, 2i2, 4i4, 3rd generation", 12.5f},
    {"Focusrite Scarlett Solo, 2i2, 4i4, 4th generation", 12.0f},
    {"MOTU M2, M4, M6", 16.0f},
    {"Solid State Logic SSL 2, SSL 2+ MkII", 15.0f},
    {"Universal Audio Apollo", 12.2f},
    {"Universal Audio Volt", 12.5f},
};

} // namespace fxtrain
