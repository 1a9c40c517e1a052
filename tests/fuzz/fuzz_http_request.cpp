// Bytes from anywhere as a request's head. What comes out must be sound whatever went in, and the
// same when it comes a byte at a time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http/http_host.h"
#include "net/http/http_request.h"

namespace {

using namespace quantring::net;
using State = ParsedRequest::State;

void require(bool condition) {
  if (!condition) std::abort();
}

bool visible(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

ParsedRequest parse(std::string_view bytes) {
  const ParsedRequest parsed = parse_http_request(bytes);
  switch (parsed.state) {
    case State::incomplete:
      require(bytes.size() < max_request_head + 2);
      break;
    case State::refused:
      require(parsed.status >= 400 && parsed.status < 600 && !parsed.reason.empty());
      break;
    case State::complete:
      require(parsed.used >= 18 && parsed.used <= bytes.size());
      require(parsed.request.path.substr(0, 1) == "/" && visible(parsed.request.path));
      require(visible(parsed.request.query) && visible(parsed.request.host));
      require(parsed.request.path.find('?') == std::string::npos);
  }
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ParsedRequest whole = parse(bytes);
  // One that is decided stays so when more comes, and was not decided otherwise before.
  if (whole.state == State::complete) {
    require(parse(bytes.substr(0, whole.used)).used == whole.used);
    require(parse(bytes.substr(0, whole.used - 1)).state == State::incomplete);
  } else if (whole.state == State::incomplete && size < 600) {
    for (std::size_t length = 0; length < size; ++length) {
      require(parse(bytes.substr(0, length)).state == State::incomplete);
    }
  }
  for (const bool loopback : {false, true}) {
    const HttpHosts hosts(loopback, {whole.request.host});
    hosts.allow(bytes);
  }
  return 0;
}
