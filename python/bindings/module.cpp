// SPDX-License-Identifier: MIT
// fxtrain._engine: the real-time engine, as Python sees it. fxtrain.engine is its public face.
#include "register.h"

#include <fxengine/error.h>

namespace py = pybind11;

namespace {

/** Raises fxtrain.errors.ModelFileError. The message may quote a file name or content that is not UTF-8. */
void raiseModelFileError(const fxengine::ModelError& error) {
  const std::string text = error.what();
  const auto message = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
  const py::object type = py::module_::import("fxtrain.errors").attr("ModelFileError");
  PyErr_SetObject(type.ptr(), message.ptr());
}

} // namespace

PYBIND11_MODULE(_engine, module) {
  module.doc() = "The real-time engine.";
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the signature is pybind11's
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer)
        std::rethrow_exception(pointer);
    } catch (const fxengine::ModelError& error) {
      raiseModelFileError(error);
    }
  });
  registerModel(module);
  registerLive(module);
  registerRig(module);
}
