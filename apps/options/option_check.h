#pragma once
// Errors of options: their text names the flag, and the program exits with status 2.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/wire/address.h"
#include "ops/base/error.h"

namespace quantring::apps {

// Runs an action that parses or checks the value of a flag: its Error becomes "FLAG: TEXT" as an
// OptionError.
template <typename Action>
auto check_option(std::string_view flag, Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    throw OptionError(fmt::format("{}: {}", flag, error.what()));
  }
}

// CLI::Range of real numbers, which lets NaN pass.
inline CLI::Validator real_range(double min, double max) {
  const CLI::Range range(min, max);
  return CLI::Validator(
      [range](std::string& text) -> std::string {
        if (std::isnan(std::strtod(text.c_str(), nullptr))) return "'" + text + "' is not a number";
        return range(text);
      },
      range.get_description());
}

// For options that take HOST:PORT to listen on, or only the port: then this host is added.
inline CLI::Validator listen_address(const std::string& host) {
  return CLI::Validator(
      [host](std::string& text) -> std::string {
        try {
          text = net::address_text(net::parse_listen_address(text, host));
          return {};
        } catch (const Error& error) {
          return error.what();
        }
      },
      "[HOST:]PORT");
}

}  // namespace quantring::apps
