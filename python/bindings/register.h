// SPDX-License-Identifier: MIT
#pragma once

#include <pybind11/pybind11.h>

/** Adds the class `Model` and the functions that make one. */
void registerModel(pybind11::module_& module);
