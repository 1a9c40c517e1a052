#pragma once
// Precompiled for every room but ops (quantring_precompile): what most of its files include anyway.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/base/error.h"
#include "ops/base/json.h"
