// The owner's calls of a link, and time. Frames of the peer are handled in link_events.cpp.
#include "net/hop/link.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quantring::net {
namespace {

double seconds(std::chrono::steady_clock::duration span) {
  return std::chrono::duration<double>(span).count();
}

bool is_instruction(const FrameHeader& header) {
  return header.kind == FrameKind::control &&
         header.control == static_cast<std::uint8_t>(ControlType::instruct);
}

}  // namespace

Link::Link(LinkConfig config) : config_(std::move(config)) {}

std::vector<Action> Link::take_actions() {
  return std::exchange(actions_, {});
}

void Link::send(Frame&& frame, Time now) {
  const bool data = frame.header.kind == config_.data;
  const bool instruction = is_instruction(frame.header);
  if (writing_.empty()) front_started_ = progress_ = now;
  writing_.push_back({data, instruction, frame_header_bytes + frame.payload.size()});
  actions_.push_back(SendFrame{std::move(frame)});
}

void Link::close(const std::string& error, std::string bye_json) {
  if (closed()) return;
  state_ = State::closed;
  actions_.push_back(Closed{error, std::move(bye_json)});
}

void Link::fail(const std::string& error, Time now) {
  if (closed()) return;
  if (state_ != State::idle && state_ != State::connecting) {
    FrameHeader header;
    header.kind = FrameKind::error;
    send(text_frame(header, error.substr(0, payload_limit(FrameKind::error))), now);
  }
  close(error);
}

void Link::lost(const std::string& reason) {
  close(fmt::format("{} was lost: {}; restart it and run again", config_.peer, reason));
}

std::string Link::slow_frame() const {
  if (!data_writing_ || writing_.empty()) return {};
  // By the meter, or by the time for which the peer has taken bytes of it.
  const double bits = 8 * static_cast<double>(writing_.front().bytes);
  const double takes =
      stats_.capacity_bps > 0 ? bits / stats_.capacity_bps : seconds(progress_ - front_started_);
  if (takes < seconds(silence_limit)) return {};
  return fmt::format("; the link is too slow for this coding: {:.0f} s a frame or more", takes);
}

void Link::begin(Time now) {
  state_ = State::connecting;
  begun_ = last_tick_ = last_in_ = last_out_ = now;
}

void Link::connected(Time now) {
  if (state_ != State::connecting) return;
  state_ = State::hello;
  connected_ = true;
  if (config_.end == LinkEnd::sender) {
    FrameHeader header;
    header.kind = FrameKind::hello;
    send(text_frame(header, hello_json(config_.hello)), now);
  }
}

void Link::accept(const Hello& own, Time now) {
  if (state_ != State::deciding) return;
  config_.hello = own;
  state_ = State::open;
  last_in_ = now;
  FrameHeader header;
  header.kind = FrameKind::hello;
  send(text_frame(header, hello_json(own)), now);
}

void Link::grant(std::uint32_t frames, Time now) {
  if (state_ != State::open) return;
  credit_ += frames;
  FrameHeader header;
  header.kind = FrameKind::credit;
  header.request_id = frames;
  send(make_frame(header, {}), now);
}

void Link::control(ControlType type, const std::string& json, Time now) {
  if (!open()) return;
  FrameHeader header;
  header.kind = FrameKind::control;
  header.control = static_cast<std::uint8_t>(type);
  header.epoch = config_.epoch;
  if (type == ControlType::finish) header.request_id = next_request_;
  if (json.size() > payload_limit(FrameKind::control)) {
    return fail(fmt::format("a control message of {} bytes is too long", json.size()), now);
  }
  send(text_frame(header, json), now);
}

void Link::instruct(const std::string& json, Time now) {
  if (state_ != State::open) return;
  if (json.size() > max_instruction_bytes) {
    return fail(fmt::format("an instruction of {} bytes is too long", json.size()), now);
  }
  next_instruction_ = json;
  const bool in_progress = std::any_of(writing_.begin(), writing_.end(),
                                       [](const Pending& each) { return each.instruction; });
  if (!in_progress) send_instruction(now);
}

void Link::send_instruction(Time now) {
  if (!next_instruction_) return;
  control(ControlType::instruct, *std::exchange(next_instruction_, std::nullopt), now);
}

void Link::finish(Time now) {
  if (state_ != State::open) return;
  send_instruction(now);  // none may follow the finish
  control(ControlType::finish, {}, now);
  if (!closed()) state_ = State::finishing;
}

void Link::bye(const std::string& json, Time now) {
  if (state_ != State::finishing) return;
  control(ControlType::bye, json, now);
  close({});
}

bool Link::may_submit(Time now) {
  if (state_ != State::open || data_writing_) return false;
  if (credit_ > 0) return true;
  if (!std::exchange(starving_, true)) starving_since_ = now;
  return false;
}

void Link::submit(Message&& message, Time now) {
  if (message.payload.size() > max_payload_bytes) {
    return fail(fmt::format("a frame of {} bytes is too long for a link, the limit is {}",
                            message.payload.size(), max_payload_bytes),
                now);
  }
  send_instruction(now);
  --credit_;
  ++next_request_;
  data_writing_ = true;
  ++stats_.frames;
  stats_.images += message.images;
  stats_.payload_bytes += message.payload.size();
  send(message_frame(config_.data, config_.epoch, std::move(message)), now);
}

void Link::bytes_written(Time now) {
  progress_ = now;
}

void Link::measured(const LinkCapacity& capacity, double rtt_s) {
  if (config_.end != LinkEnd::sender) return;
  stats_.capacity = capacity.capacity;
  stats_.capacity_bps = capacity.bits_per_second;
  stats_.rtt_s = rtt_s;
}

void Link::frame_written(Time now) {
  if (writing_.empty()) return;
  const Pending written = writing_.front();
  writing_.pop_front();
  last_out_ = progress_ = now;
  if (config_.end == LinkEnd::sender) stats_.wire_bytes += written.bytes;
  if (written.data) {
    data_writing_ = false;
    stats_.sending_s += seconds(now - front_started_);
  }
  front_started_ = now;
  if (written.instruction) send_instruction(now);
}

void Link::tick(Time now) {
  if (closed() || state_ == State::idle) return;
  // A gap means that this process itself was suspended: bytes that the peer sent meanwhile are
  // still unread, so the gap is not the peer's silence.
  if (const auto gap = now - last_tick_; gap > 10 * tick_every) {
    begun_ += gap;
    last_in_ += gap;
    progress_ += gap;
  }
  last_tick_ = now;
  if (!write_error_.empty() && now - write_error_at_ >= write_error_grace) {
    return lost(write_error_);
  }
  if (!open()) {
    if (now - begun_ < handshake_limit) return;
    if (state_ == State::connecting) {
      return close(fmt::format("cannot connect to {}: no answer within {} s; {}", config_.peer,
                               handshake_limit.count() / 1000, config_.connect_hint));
    }
    return fail(fmt::format("{} sent no hello within {} s: is this a QuantRing port?", config_.peer,
                            handshake_limit.count() / 1000),
                now);
  }
  const auto limit = receiving_ ? stall_limit : silence_limit;
  if (now - last_in_ >= limit) {
    return lost(fmt::format("silent for {:.1f} s", seconds(limit)) + slow_frame());
  }
  if (!writing_.empty() && now - progress_ >= stall_limit) {
    return lost(fmt::format("it read no data for {} s", stall_limit.count() / 1000) + slow_frame());
  }
  if (writing_.empty() && now - last_out_ >= heartbeat_every) {
    send(make_frame(FrameHeader{}, {}), now);
  }
}

}  // namespace quantring::net
