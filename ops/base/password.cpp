#include "ops/base/password.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "ops/base/lower_case.h"

namespace quantring {
namespace {

constexpr std::string_view scheme_end = "://", hidden = "...";

bool is_letter_or_digit(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// A user's name that is shown; anything else may be a part of a password.
bool is_plain_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.' || c == '%' || c == '+';
  });
}

bool is_secret(std::string_view key) {
  const std::string lower = lower_case(std::string(key));
  if (lower == "pw" || lower == "pin") return true;
  constexpr std::array names = {"pass", "pwd", "psw", "token", "secret", "auth", "key"};
  return std::any_of(names.begin(), names.end(),
                     [&lower](const char* name) { return lower.find(name) != std::string::npos; });
}

// Where user and password stand in a URI: [begin, at); begin == npos: in none.
struct Credentials {
  std::size_t begin = std::string_view::npos, at = 0;
  bool has_scheme = false;
};

Credentials find_credentials(std::string_view uri) {
  Credentials found;
  const std::size_t colon = uri.find(':'), at = uri.rfind('@');
  if (colon == std::string_view::npos) return found;
  found.has_scheme = colon > 0 && uri.substr(colon).starts_with(scheme_end);
  const std::size_t begin = colon + (found.has_scheme ? scheme_end.size() : 1);
  if (at == std::string_view::npos || at < begin) return found;
  found.begin = begin;
  found.at = at;
  return found;
}

// "?a=1&pwd=x" -> "?a=1&pwd=...". Which keys count: all, or only those behind '?', '&' or ';'.
enum class Keys { all, of_query };

std::string without_secret_values(std::string_view text, Keys keys) {
  const auto is_key = [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-'; };
  std::string shown;
  std::size_t copied = 0;
  for (std::size_t equals = text.find('='); equals != std::string_view::npos;
       equals = text.find('=', equals + 1)) {
    std::size_t key = equals;
    while (key > copied && is_key(text[key - 1])) --key;
    if (!is_secret(text.substr(key, equals - key))) continue;
    if (keys == Keys::of_query &&
        (key == 0 || std::string_view("?&;").find(text[key - 1]) == std::string_view::npos))
      continue;
    const std::size_t end = std::min(text.find_first_of("& \t", equals), text.size());
    shown.append(text.substr(copied, equals + 1 - copied)).append(hidden);
    copied = end;
    if (end == text.size()) break;
    equals = end - 1;
  }
  return shown.append(text.substr(copied));
}

// "http://me:secret/x": behind the colon of what is no port; npos: there is no such colon.
std::size_t end_of_bad_port(std::string_view uri) {
  const std::size_t begin = uri.find(scheme_end) + scheme_end.size();
  const std::size_t end = std::min(uri.find_first_of("/?#", begin), uri.size());
  const std::string_view authority = uri.substr(begin, end - begin);
  const bool ipv6 = authority.starts_with('[');
  const std::size_t colon = authority.find(':', ipv6 ? authority.find(']') + 1 : 0);
  if (colon == std::string_view::npos) return colon;
  const std::string_view port = authority.substr(colon + 1);
  const bool digits = std::all_of(port.begin(), port.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
  return digits && port.size() <= 5 ? std::string_view::npos : begin + colon + 1;
}

bool is_existing_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

std::string without_password(std::string_view given) {
  // First, for an '@' in such a value does not end a password.
  const std::string without_values = without_secret_values(given, Keys::of_query);
  const std::string_view uri = without_values;
  const Credentials found = find_credentials(uri);
  if (found.begin == std::string_view::npos) {
    if (!found.has_scheme) return std::string(given);
    const std::size_t end = end_of_bad_port(uri);
    if (end != std::string_view::npos) return std::string(uri.substr(0, end)).append(hidden);
    const std::size_t path = uri.find_first_of("/?#", uri.find(scheme_end) + scheme_end.size());
    if (path == std::string_view::npos) return std::string(uri);
    return std::string(uri.substr(0, path))
        .append(without_secret_values(uri.substr(path), Keys::all));
  }
  std::string shown(uri.substr(0, found.begin));
  if (found.has_scheme) {
    const std::string_view both = uri.substr(found.begin, found.at - found.begin);
    const std::size_t colon = both.find(':');
    if (colon != std::string_view::npos && is_plain_name(both.substr(0, colon)))
      shown.append(both.substr(0, colon + 1));
  }
  return shown.append(hidden).append(without_secret_values(uri.substr(found.at), Keys::all));
}

std::string without_uri_passwords(std::string_view message) {
  std::string shown;
  std::size_t copied = 0;
  for (std::size_t at = message.find(scheme_end); at != std::string_view::npos;
       at = message.find(scheme_end, std::max(at + 1, copied))) {
    std::size_t begin = at;
    while (begin > copied && is_letter_or_digit(message[begin - 1])) --begin;
    const std::size_t end = std::min(message.find_first_of(" \t\n'\"", at), message.size());
    const std::string_view uri = message.substr(begin, end - begin);
    const bool has_user = uri.find('@') != std::string_view::npos;
    // Of a remedy.
    const bool example = uri.find("USER:PASSWORD@") != std::string_view::npos;
    shown += message.substr(copied, begin - copied);
    shown += has_user && !example ? without_password(uri) : without_secret_values(uri, Keys::all);
    copied = end;
  }
  return shown.append(message.substr(copied));
}

std::string shown_argument(const std::string& argument) {
  return is_existing_file(argument) ? argument : without_password(argument);
}

std::string password_hint(std::string_view uri) {
  const Credentials found = find_credentials(uri);
  if (found.begin == std::string_view::npos) return "";
  const std::string_view both = uri.substr(found.begin, found.at - found.begin);
  if (found.has_scheme && both.find_first_of("/?#@ \\") == std::string_view::npos) return "";
  return "; write special characters of a password as %40 for @, %2F for /, %23 for #, %3F for ?, "
         "%3A for : and %25 for %";
}

PasswordFilter::PasswordFilter(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    // Messages also repeat the value of --option=VALUE and of -oVALUE alone.
    const std::size_t equals = argument.find('=');
    std::vector<std::string> parts = {argument};
    if (argument.starts_with("--") && equals != std::string::npos)
      parts.push_back(argument.substr(equals + 1));
    if (argument.starts_with('-') && argument.size() > 2) parts.push_back(argument.substr(2));
    for (const std::string& part : parts) {
      std::string shown = shown_argument(part);
      if (shown != part) replaced_.emplace_back(part, std::move(shown));
    }
  }
  std::stable_sort(replaced_.begin(), replaced_.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

std::string PasswordFilter::operator()(std::string message) const {
  for (const auto& [secret, shown] : replaced_) replace_all(message, secret, shown);
  return without_uri_passwords(message);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace quantring
