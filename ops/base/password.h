#pragma once
// Messages without passwords. Cameras have theirs in their URLs, which many messages repeat.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quantring {

// The URI in the whole text, for messages: what stands between "scheme://", or the first colon of a
// malformed URI, and the last '@' becomes "...", but for a user's name before a colon. So do the
// values of parameters that are named like a secret. "rtsp://me:...@cam/x?token=..."
std::string without_password(std::string_view uri);

// A message that may hold URIs with passwords, each up to the next space or quotation mark.
std::string without_uri_passwords(std::string_view message);

// An argument of the command line, for messages: the name of an existing file is unchanged.
std::string shown_argument(const std::string& argument);

// How to write the password, where characters of it are the likely cause of an error: "; write
// special characters ..." or nothing.
std::string password_hint(std::string_view uri);

// Hides the passwords of a command line in messages that repeat its arguments, or parts of them.
class PasswordFilter {
 public:
  PasswordFilter(int argc, const char* const* argv);
  std::string operator()(std::string message) const;

 private:
  std::vector<std::pair<std::string, std::string>> replaced_;  // secret, shown; longest first
};

void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace quantring
