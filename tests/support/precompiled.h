#pragma once
// Precompiled for the tests.
#include <doctest/doctest.h>

#include "cmake/precompiled.h"
