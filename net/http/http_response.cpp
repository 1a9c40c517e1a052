#include "net/http/http_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "net/http/header_value.h"
#include "ops/base/error.h"
#include "ops/base/lower_case.h"

namespace quantring::net {
namespace {

// Text of a camera that is shown in a terminal.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 80)) result += c >= ' ' && c <= '~' ? c : '?';
  return result;
}

std::uint64_t read_number(std::string_view digits, int base, const char* what) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc{} || stop != end || digits.empty())
    throw Error(fmt::format("its HTTP is wrong: {} '{}'", what, printable(digits)));
  return value;
}

}  // namespace

void HttpResponseReader::push(std::span<const std::byte> bytes, std::vector<std::byte>& body) {
  while (!bytes.empty() && place_ != Place::end) {
    std::size_t taken = 0;
    if (place_ == Place::body || place_ == Place::chunk) {
      taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      body.insert(body.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
      // Without a length it ends with the connection.
      if (chunked_ || length_) left_ -= taken;
      if (left_ == 0) place_ = chunked_ ? Place::chunk_end : Place::end;
    } else {
      taken = take_line(bytes);
    }
    bytes = bytes.subspan(taken);
  }
}

void HttpResponseReader::closed() {
  if (place_ == Place::end || (place_ == Place::body && !length_)) {
    place_ = Place::end;
    return;
  }
  throw Error(head_done() ? "closed the connection in the middle of its response"
                          : "closed the connection without an answer");
}

std::string HttpResponseReader::header(std::string_view name) const {
  const auto found = std::find_if(headers_.begin(), headers_.end(),
                                  [name](const auto& entry) { return entry.first == name; });
  return found == headers_.end() ? std::string() : found->second;
}

std::size_t HttpResponseReader::take_line(std::span<const std::byte> bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), std::byte{'\n'});
  const auto count = static_cast<std::size_t>(end - bytes.begin());
  head_bytes_ += count + 1;
  if (head_bytes_ > max_response_head) throw Error("its HTTP is wrong: the head has no end");
  line_.append(reinterpret_cast<const char*>(bytes.data()), count);
  if (end == bytes.end()) return count;
  if (line_.ends_with('\r')) line_.pop_back();
  line_complete();
  line_.clear();
  return count + 1;
}

void HttpResponseReader::line_complete() {
  switch (place_) {
    case Place::head:
      if (!have_status_) return read_status();
      if (!line_.empty()) return read_header();
      return end_of_head();
    case Place::chunk_size:
      return read_chunk_size();
    case Place::chunk_end:
      if (!line_.empty()) throw Error("its HTTP is wrong: a chunk is longer than its size");
      head_bytes_ = 0;
      place_ = Place::chunk_size;
      return;
    default:  // trailer
      if (line_.empty()) place_ = Place::end;
  }
}

void HttpResponseReader::read_status() {
  const std::string_view line = line_;
  // "HTTP/1.1 200 OK", where the reason may be missing.
  const bool sound = line.size() >= 12 && line.starts_with("HTTP/1.") && line[8] == ' ' &&
                     (line.size() == 12 || line[12] == ' ');
  if (!sound) throw Error(fmt::format("does not answer with HTTP: '{}'", printable(line)));
  status_ = static_cast<int>(read_number(line.substr(9, 3), 10, "status"));
  reason_ = printable(trimmed(line.substr(12)));
  have_status_ = true;
}

void HttpResponseReader::read_header() {
  const std::size_t colon = line_.find(':');
  // Folded lines are refused, too.
  if (colon == std::string::npos || colon == 0) return;
  headers_.emplace_back(lower_case(line_.substr(0, colon)),
                        std::string(trimmed(std::string_view(line_).substr(colon + 1))));
}

void HttpResponseReader::end_of_head() {
  if (status_ < 200) {  // interim
    have_status_ = false;
    headers_.clear();
    return;
  }
  head_bytes_ = 0;
  const std::string coding = lower_case(header("transfer-encoding"));
  chunked_ = coding == "chunked";
  if (!coding.empty() && !chunked_ && coding != "identity")
    throw Error(
        fmt::format("sends its response as '{}', neither plain nor chunked", printable(coding)));
  const std::string length = header("content-length");
  if (status_ == 204 || status_ == 304) {
    place_ = Place::end;
  } else if (chunked_) {
    place_ = Place::chunk_size;
  } else if (!length.empty()) {
    length_ = left_ = read_number(length, 10, "Content-Length");
    place_ = left_ == 0 ? Place::end : Place::body;
  } else {
    left_ = std::numeric_limits<std::uint64_t>::max();
    place_ = Place::body;
  }
}

void HttpResponseReader::read_chunk_size() {
  const std::string_view line = line_;
  left_ = read_number(trimmed(line.substr(0, line.find(';'))), 16, "size of a chunk");
  head_bytes_ = 0;
  place_ = left_ == 0 ? Place::trailer : Place::chunk;
}

}  // namespace quantring::net
