// HTTP responses of a camera. The first byte selects: even, a response, split as the second byte
// selects, which must read the same in one piece; odd, a URL and, after a zero, where it redirects
// to.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/http_response.h"
#include "net/http/http_url.h"
#include "ops/base/error.h"
#include "ops/base/password.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace quantring;
using Bytes = std::vector<std::byte>;

struct Answer {
  Bytes body;
  int status = 0;
  bool done = false;
  std::string type, error;
  bool operator==(const Answer&) const = default;
};

Answer read(const Bytes& bytes, std::size_t piece) {
  Answer answer;
  net::HttpResponseReader reader;
  try {
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      reader.push({bytes.data() + at, std::min(piece, bytes.size() - at)}, answer.body);
    answer.done = reader.done();
    reader.closed();
  } catch (const Error& error) {
    answer.error = error.what();
  }
  answer.status = reader.status();
  answer.type = reader.header("content-type");
  return answer;
}

void check_url(const Bytes& bytes) {
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t end = std::min(text.find('\0'), text.size());
  const std::string shown = without_password(text.substr(0, end));
  if (without_password(shown) != shown) std::abort();
  try {
    const net::HttpUrl url = net::parse_http_url(text.substr(0, end));
    // What is put into a request's lines.
    const auto plain = [](char c) { return c > ' ' && c <= '~'; };
    if (!url.target.starts_with('/') || !std::all_of(url.target.begin(), url.target.end(), plain) ||
        !std::all_of(url.host.begin(), url.host.end(), plain) || url.host.empty() || url.port == 0)
      std::abort();
    const std::string_view location = std::string_view(text).substr(std::min(end + 1, text.size()));
    const net::HttpUrl next = net::follow_location(url, location);
    if (!next.password.empty() && next.password == url.password &&
        location.find('@') == location.npos && (next.host != url.host || next.port != url.port))
      std::abort();
  } catch (const Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if ((input.take<std::uint8_t>() & 1) != 0) {
    check_url(input.rest());
    return 0;
  }
  const std::size_t piece = 1 + std::size_t{input.take<std::uint8_t>()};
  const Bytes bytes = input.rest();
  if (read(bytes, piece) != read(bytes, bytes.size() + 1)) std::abort();
  return 0;
}
