// The coroutines of a connection: connecting, reading, writing, and the clock.
#include <utility>  // Asio 1.18 needs it and does not include it

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/ip/address.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <cstring>

#include "net/hop/connection.h"

namespace quantring::net {
namespace {

// Memory for a payload grows with the bytes that have arrived, starting with this.
constexpr std::size_t initial_payload_bytes = 4 << 20;

// A sample costs a microsecond or two.
constexpr std::chrono::microseconds min_meter_step{400};

}  // namespace

asio::awaitable<void> Connection::run_ticks(Self self) {
  while (!(self->lingering_ && !self->socket_.is_open())) {
    asio::error_code cancelled;
    self->ticks_.expires_after(tick_every);
    co_await self->ticks_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    self->report_link(read_tcp_info(self->socket_.native_handle()));
    self->link_.tick(now());
    self->perform();
    if (self->owner_) self->owner_->on_tick(*self);
    if (!self->lingering_ || now() < self->linger_until_) continue;
    asio::error_code ignored;
    // On a slow link the kernel may hold data for long, and the peer waits for it: dropped, so that
    // the peer learns at once that this is over.
    if (self->failed_) self->socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    self->close_socket();
  }
}

asio::awaitable<void> Connection::run_connect(Self self, Address address, std::uint64_t pace_bits) {
  asio::error_code error;
  std::vector<Tcp::endpoint> endpoints;
  const auto numeric = asio::ip::make_address(address.host, error);
  if (!error) {
    endpoints.emplace_back(numeric, address.port);
  } else {
    error.clear();
    const auto found =
        co_await self->resolver_.async_resolve(address.host, std::to_string(address.port),
                                               asio::redirect_error(asio::use_awaitable, error));
    if (self->link_.closed()) co_return;
    if (error || found.empty()) {
      self->fail(
          fmt::format("cannot resolve '{}' of {}: {}; check the name, or write its IP address",
                      address.host, self->link_.peer(), reason(error)));
      co_return;
    }
    for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  }
  for (const Tcp::endpoint& endpoint : endpoints) {
    self->socket_.close(error);
    self->socket_.open(endpoint.protocol(), error);
    if (error) continue;
    tune(self->socket_);
    pace(self->socket_, pace_bits);
    co_await self->socket_.async_connect(endpoint,
                                         asio::redirect_error(asio::use_awaitable, error));
    if (self->link_.closed()) co_return;
    if (!error) break;
  }
  if (error) {
    self->link_.read_failed(reason(error));
    self->perform();
    co_return;
  }
  self->link_.connected(now());
  self->start(run_read(self));
  self->perform();
}

// False when the socket has ended. The link may close before that; its last frames are still sent.
asio::awaitable<bool> Connection::read_more(std::byte* into, std::size_t room, std::size_t* got) {
  asio::error_code error;
  *got = co_await socket_.async_read_some(asio::buffer(into, room),
                                          asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    link_.read_failed(reason(error));
    co_return false;
  }
  link_.bytes_arrived(*got, now());
  co_return true;
}

// First the bytes that were read ahead, then directly into the payload's memory.
asio::awaitable<bool> Connection::read_payload(Frame* frame) {
  const std::size_t length = frame->header.payload_length;
  std::vector<std::byte>& payload = frame->payload;
  const std::size_t ahead = std::min(length, inbox_end_ - inbox_begin_);
  payload.reserve(std::min(length, initial_payload_bytes));
  payload.assign(inbox_.begin() + static_cast<std::ptrdiff_t>(inbox_begin_),
                 inbox_.begin() + static_cast<std::ptrdiff_t>(inbox_begin_ + ahead));
  inbox_begin_ += ahead;
  std::size_t filled = ahead;
  while (filled < length && !link_.closed()) {
    if (filled == payload.size()) {
      payload.resize(std::min(length, std::max(initial_payload_bytes, 2 * filled)));
    }
    std::size_t got = 0;
    const bool alive = co_await read_more(payload.data() + filled, payload.size() - filled, &got);
    if (!alive) co_return false;
    filled += got;
  }
  co_return true;
}

asio::awaitable<void> Connection::run_read(Self self) {
  bool alive = true;
  while (alive && !self->link_.closed()) {
    if (self->inbox_begin_ > 0) {
      std::memmove(self->inbox_.data(), self->inbox_.data() + self->inbox_begin_,
                   self->inbox_end_ - self->inbox_begin_);
      self->inbox_end_ -= std::exchange(self->inbox_begin_, 0);
    }
    if (self->inbox_end_ < frame_header_bytes) {
      std::size_t got = 0;
      alive = co_await self->read_more(self->inbox_.data() + self->inbox_end_,
                                       inbox_bytes - self->inbox_end_, &got);
      self->inbox_end_ += got;
      self->perform();
      continue;
    }
    Frame frame;
    const std::string wrong = read_header(
        std::span<const std::byte, frame_header_bytes>(self->inbox_.data(), frame_header_bytes),
        frame.header);
    if (!wrong.empty()) {
      self->link_.bad_bytes(wrong);
    } else if (self->link_.header_arrived(frame.header)) {
      self->inbox_begin_ = frame_header_bytes;
      alive = co_await self->read_payload(&frame);
      if (alive) self->link_.frame_arrived(std::move(frame), now());
    }
    self->perform();
  }
  // The link is over. Further bytes are dropped until the peer closes too or the linger ends.
  asio::error_code error;
  while (alive && self->socket_.is_open() && !error) {
    co_await self->socket_.async_read_some(asio::buffer(self->inbox_),
                                           asio::redirect_error(asio::use_awaitable, error));
  }
  self->perform();
  self->close_socket();
}

std::optional<BandwidthMeter::Sample> Connection::meter_sample() {
  const std::optional<TcpInfo> tcp = read_tcp_info(socket_.native_handle());
  if (!tcp) return std::nullopt;
  return BandwidthMeter::Sample{now(), written_bytes_, *tcp};
}

void Connection::meter_frame(const Frame& frame) {
  if (frame.header.kind != FrameKind::tensor && frame.header.kind != FrameKind::result) return;
  const auto sample = meter_sample();
  if (!sample) return;
  meter_.frame_begins(*sample, frame.payload.size());
  if (!std::exchange(metering_, true)) start(run_meter(shared_from_this()));
}

void Connection::meter_bytes() {
  if (!metering_ || now() < metered_ + min_meter_step) return;
  metered_ = now();
  const auto sample = meter_sample();
  if (sample) {
    meter_.sample(*sample);
    // On a very slow link the kernel may take no bytes for long while it sends those it has.
    if (sample->tcp.delivered_bytes > delivered_bytes_) link_.bytes_written(metered_);
    delivered_bytes_ = sample->tcp.delivered_bytes;
  }
  report_link(sample ? std::optional(sample->tcp) : std::nullopt);
}

void Connection::report_link(const std::optional<TcpInfo>& tcp) {
  const bool known = tcp && tcp->min_rtt_us != ~std::uint32_t{0};
  link_.measured(meter_.estimate(now()), known ? 1e-6 * tcp->min_rtt_us : 0);
}

// From the first byte of a frame until the last has been acknowledged.
asio::awaitable<void> Connection::run_meter(Self self) {
  do {
    asio::error_code cancelled;
    self->meter_timer_.expires_after(self->meter_.sample_after());
    co_await self->meter_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    self->meter_bytes();
  } while (self->socket_.is_open() && (self->writing_ || self->meter_.outstanding()));
  self->metering_ = false;
}

asio::awaitable<void> Connection::run_write(Self self) {
  asio::error_code error;
  while (!self->outbox_.empty() && !error) {
    const Frame& frame = self->outbox_.front();
    const HeaderBytes header = write_header(frame.header);
    self->meter_frame(frame);
    std::array<asio::const_buffer, 2> left{asio::buffer(header), asio::buffer(frame.payload)};
    while (asio::buffer_size(left) > 0 && !error) {
      std::size_t written = co_await self->socket_.async_write_some(
          left, asio::redirect_error(asio::use_awaitable, error));
      self->link_.bytes_written(now());
      self->written_bytes_ += written;
      self->meter_bytes();
      for (asio::const_buffer& part : left) {
        const std::size_t taken = std::min(written, part.size());
        part += taken;
        written -= taken;
      }
    }
    // Until the kernel has sent nearly all of it: bytes in its buffer have not crossed the link.
    if (!error && !frame.payload.empty()) {
      co_await self->socket_.async_wait(Tcp::socket::wait_write,
                                        asio::redirect_error(asio::use_awaitable, error));
    }
    if (error) break;
    self->outbox_.pop_front();
    self->link_.frame_written(now());
    if (self->owner_) self->owner_->on_room(*self);
    self->perform();
  }
  self->writing_ = false;
  if (error) {
    self->outbox_.clear();
    self->link_.write_failed(reason(error), now());
  }
  if (self->lingering_) {
    asio::error_code ignored;
    self->socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  }
}

}  // namespace quantring::net
