// Frames of the peer: what is allowed when, and what follows from it.
#include <fmt/format.h>

#include <utility>

#include "net/hop/link.h"
#include "ops/base/error.h"

namespace quantring::net {
namespace {

// Makes text of the peer safe for a terminal: one line, no control characters, limited length.
std::string printable(std::string text) {
  if (text.size() > 2000) text.resize(2000);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return text;
}

}  // namespace

void Link::violated(const std::string& what) {
  fail(fmt::format("{} broke the protocol: {}", config_.peer, what), last_tick_);
}

void Link::bytes_arrived(std::uint64_t count, Time now) {
  if (closed()) return;
  last_in_ = now;
  if (config_.end == LinkEnd::receiver) stats_.wire_bytes += count;
}

void Link::bad_bytes(const std::string& reason) {
  fail(fmt::format("{}: {}", config_.peer, reason), last_tick_);
}

void Link::read_failed(const std::string& reason) {
  if (state_ == State::connecting) {
    return close(
        fmt::format("cannot connect to {}: {}; {}", config_.peer, reason, config_.connect_hint));
  }
  if (!open() && !closed()) {
    return close(
        fmt::format("{} closed the connection before its hello: {}", config_.peer, reason));
  }
  lost(reason);
}

// The peer may have sent the reason just before it closed: reading gets time to find it.
void Link::write_failed(const std::string& reason, Time now) {
  if (closed() || !write_error_.empty()) return;
  write_error_ = reason;
  write_error_at_ = now;
}

std::string Link::data_refusal(const FrameHeader& header) const {
  if (header.epoch != config_.epoch) {
    return fmt::format("a frame of plan {}, this is plan {}", header.epoch, config_.epoch);
  }
  if (header.request_id != next_request_) {
    return fmt::format("request {} arrived, {} was next", header.request_id, next_request_);
  }
  if (credit_ == 0) return "a frame arrived for which there was no credit";
  return {};
}

// Decided from the header, so that a payload need not be read to be refused.
std::string Link::control_refusal(const FrameHeader& header) const {
  const auto type = static_cast<ControlType>(header.control);
  const bool downstream =
      type == ControlType::plan || type == ControlType::finish || type == ControlType::instruct;
  const bool upstream =
      type == ControlType::ready || type == ControlType::stats || type == ControlType::bye;
  if (config_.end == LinkEnd::receiver ? !downstream : !upstream) {
    return fmt::format("control message {} is not allowed here", header.control);
  }
  if (type == ControlType::instruct && header.payload_length > max_instruction_bytes) {
    return fmt::format("an instruction of {} bytes", header.payload_length);
  }
  return {};
}

std::string Link::refusal(const FrameHeader& header) const {
  const auto kind = static_cast<int>(header.kind);
  if (header.kind == FrameKind::error) return {};
  if (!open()) {
    if (state_ == State::hello && header.kind == FrameKind::hello) return {};
    return fmt::format("a frame of kind {} arrived instead of a hello", kind);
  }
  if (header.kind == FrameKind::heartbeat) return {};
  const bool receiver = config_.end == LinkEnd::receiver;
  if (receiver && state_ == State::finishing) return "a frame arrived after the last";
  if (header.kind == FrameKind::control) return control_refusal(header);
  if (receiver && header.kind == config_.data) return data_refusal(header);
  if (!receiver && header.kind == FrameKind::credit) return {};
  return fmt::format("a frame of kind {} is not allowed here", kind);
}

bool Link::header_arrived(const FrameHeader& header) {
  if (closed()) return false;
  if (const std::string why = refusal(header); !why.empty()) violated(why);
  receiving_ = true;
  return !closed();
}

void Link::frame_arrived(Frame&& frame, Time now) {
  if (!header_arrived(frame.header)) return;
  receiving_ = false;
  if (!payload_intact(frame)) {
    return violated("a payload's checksum is wrong: the link damages data");
  }
  switch (frame.header.kind) {
    case FrameKind::hello:
      return hello_arrived(frame, now);
    case FrameKind::tensor:
    case FrameKind::result: {
      --credit_;
      ++next_request_;
      ++stats_.frames;
      Message message = frame_message(std::move(frame));
      stats_.images += message.images;
      stats_.payload_bytes += message.payload.size();
      actions_.push_back(Delivered{std::move(message)});
      return;
    }
    case FrameKind::credit: {
      const std::uint64_t frames = frame.header.request_id;
      if (frames == 0 || frames > max_credits || credit_ + frames > max_credits) {
        return violated(fmt::format("a credit of {} frames", frames));
      }
      credit_ += frames;
      if (std::exchange(starving_, false)) {
        stats_.credit_wait_s += std::chrono::duration<double>(now - starving_since_).count();
      }
      actions_.push_back(CreditArrived{});
      return;
    }
    case FrameKind::heartbeat:
      return;
    case FrameKind::control:
      return control_arrived(std::move(frame));
    case FrameKind::error: {
      std::string text = printable(payload_text(frame));
      if (text.empty()) text = fmt::format("{} ended the session without a reason", config_.peer);
      // Before the link is open the peer does not know its name in this ring.
      return close(open() ? text : fmt::format("{}: {}", config_.peer, text));
    }
  }
}

void Link::hello_arrived(const Frame& frame, Time now) {
  Hello hello;
  try {
    hello = parse_hello(payload_text(frame));
  } catch (const Error& error) {
    return violated(fmt::format("its hello is wrong: {}", error.what()));
  }
  if (hello.version != config_.hello.version) {
    return fail(
        fmt::format("this is version {}, {} runs version {}: install the same version on both",
                    config_.hello.version, config_.peer, printable(hello.version)),
        now);
  }
  if (config_.end == LinkEnd::sender) {
    if (hello.session != config_.hello.session) return violated("it answered for another session");
    state_ = State::open;
    last_in_ = now;
  } else {
    state_ = State::deciding;
  }
  actions_.push_back(HelloArrived{std::move(hello)});
}

void Link::control_arrived(Frame&& frame) {
  const auto type = static_cast<ControlType>(frame.header.control);
  if (type == ControlType::finish) {
    if (frame.header.request_id != next_request_) {
      return violated(
          fmt::format("it sent {} frames, {} arrived", frame.header.request_id, next_request_));
    }
    state_ = State::finishing;
    actions_.push_back(PeerFinished{});
    return;
  }
  if (type == ControlType::bye) {
    if (state_ != State::finishing) return violated("it sent the goodbye before the end");
    return close({}, payload_text(frame));
  }
  actions_.push_back(ControlArrived{{type, payload_text(frame)}});
}

}  // namespace quantring::net
