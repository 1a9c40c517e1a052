#include "apps/camera/page.h"

#include <array>
#include <cstdint>
#include <stdexcept>

#include "apps/camera/page_files.h"
#include "engine/model/hash.h"

namespace quantring::apps {
namespace {

std::string replaced(std::string text, std::string_view mark, std::string_view content) {
  const auto at = text.find(mark);
  if (at == std::string::npos) throw std::logic_error("index.html lacks " + std::string(mark));
  return text.replace(at, mark.size(), content);
}

int digit(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

// Hexadecimal to base64 (RFC 4648), for the hashes of a Content-Security-Policy.
std::string base64_of_hex(std::string_view hex) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < hex.size(); at += 6) {  // 3 bytes, 4 letters
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      bits = bits << 4 | static_cast<std::uint32_t>(at + i < hex.size() ? digit(hex[at + i]) : 0);
    }
    const std::size_t used = hex.size() - at >= 6 ? 4 : (hex.size() - at) / 2 + 1;
    for (std::size_t i = 0; i < 4; ++i) {
      text += i < used ? letters[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

std::string hash_source(std::string_view content) {
  return "'sha256-" + base64_of_hex(sha256_hex(content)) + "'";
}

}  // namespace

const std::string& page_html() {
  static const std::string html = replaced(
      replaced(std::string(page_index_html), "/*page.css*/", page_css), "/*page.js*/", page_js);
  return html;
}

std::string_view page_icon() {
  return page_icon_svg;
}

const std::string& page_security_policy() {
  static const std::string policy =
      "default-src 'none'; img-src 'self' blob:; connect-src 'self'; style-src " +
      hash_source(page_css) + "; script-src " + hash_source(page_js) +
      "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return policy;
}

}  // namespace quantring::apps
