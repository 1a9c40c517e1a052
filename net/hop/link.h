#pragma once
// The protocol of one hop, as a state machine for either end. It has no socket, no thread and no
// clock: the owner reports what happened and when, and performs the actions (take_actions). Not
// thread-safe.
//
//   sender                      receiver
//   begin, connected            begin, connected
//   hello            ------>    HelloArrived: the owner calls accept or fail
//   HelloArrived     <------    hello                          both are open now
//   plan, instruct   ------>    ControlArrived
//   tensors          ------>    Delivered, within the credit
//   CreditArrived    <------    credit (grant, consumed), ready, stats
//   finish           ------>    PeerFinished, all frames have arrived
//   Closed, no error <------    bye                            Closed, no error
//
// Either end may send an error at any time, which ends the link, and a heartbeat when idle.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/hop/bandwidth_meter.h"
#include "net/wire/control.h"
#include "net/wire/frame.h"
#include "net/wire/message.h"
#include "net/wire/stats.h"

namespace quantring::net {

using Time = std::chrono::steady_clock::time_point;  // the owner's clock; only differences matter

// Deadlines. The owner should tick at least every tick_every.
inline constexpr std::chrono::milliseconds tick_every{100};
inline constexpr std::chrono::milliseconds heartbeat_every{500};
inline constexpr std::chrono::milliseconds silence_limit{
    2500};  // no byte received: the peer is dead
inline constexpr std::chrono::milliseconds handshake_limit{5000};  // resolve, connect and hello
// The peer reads no byte; or it sends none of a frame that has begun: a slow link that loses
// packets pauses for seconds, and the sender of the frame receives from this end meanwhile.
inline constexpr std::chrono::milliseconds stall_limit{10000};
inline constexpr std::chrono::milliseconds write_error_grace{500};

// Accepted connections without a valid hello, at one port.
inline constexpr std::size_t max_pending_connections = 16;

enum class LinkEnd : std::uint8_t { sender, receiver };

struct LinkConfig {
  LinkEnd end = LinkEnd::sender;
  FrameKind data = FrameKind::tensor;  // what the hop carries: tensor or result
  std::uint32_t epoch = 1;             // of the plan
  Hello hello;                         // this end's; a receiver may set it in accept
  std::string peer;                    // the other end in error texts: "stage 1 (10.0.0.12:7710)"
  std::string connect_hint;            // remedy in the text when connecting fails
};

// Actions for the owner, in order.
struct SendFrame {
  Frame frame;
};
struct HelloArrived {
  Hello hello;
};
struct Delivered {
  Message message;
};
struct ControlArrived {
  Control control;
};
struct CreditArrived {};
struct PeerFinished {};
struct Closed {
  std::string error;     // empty: the orderly end
  std::string bye_json;  // of the orderly end, at the sender
};
using Action = std::variant<SendFrame, HelloArrived, Delivered, ControlArrived, CreditArrived,
                            PeerFinished, Closed>;

class Link {
 public:
  explicit Link(LinkConfig config);

  // From the socket.
  void begin(Time now);  // connecting has begun, or a connection was accepted
  void connected(Time now);
  void bytes_arrived(std::uint64_t count, Time now);
  // Before the payload is read: false when the link closed and the payload must not be read.
  bool header_arrived(const FrameHeader& header);
  void frame_arrived(Frame&& frame, Time now);
  void bad_bytes(const std::string& reason);  // what arrived is no frame
  void bytes_written(Time now);               // into the kernel, or out of it: progress
  void measured(const LinkCapacity& capacity, double rtt_s);  // rtt_s: 0 when unknown
  void frame_written(Time now);  // the oldest SendFrame is completely in the kernel
  void read_failed(const std::string& reason);
  void write_failed(const std::string& reason, Time now);
  void tick(Time now);

  // From the app, either end.
  void control(ControlType type, const std::string& json, Time now);
  void fail(const std::string& error, Time now);  // sends the error and closes
  void set_peer(const std::string& peer) { config_.peer = peer; }
  void set_epoch(std::uint32_t epoch) { config_.epoch = epoch; }

  // Sender. One data frame at a time is being written; further ones wait at the owner.
  bool may_submit(Time now);  // call when a frame is ready: is there credit, and is the wire free?
  void submit(Message&& message, Time now);  // only after may_submit
  bool sending() const { return data_writing_; }
  void finish(Time now);
  // ControlType::instruct. While one is being written, only the latest of further ones is kept.
  // Arrives before frames that are submitted later.
  void instruct(const std::string& json, Time now);

  // Receiver.
  void accept(const Hello& own, Time now);  // answers the peer's hello; opens the link
  void grant(std::uint32_t frames, Time now);
  void consumed(Time now) { grant(1, now); }
  void bye(const std::string& json, Time now);  // after PeerFinished

  std::vector<Action> take_actions();

  bool open() const { return state_ == State::open || state_ == State::finishing; }
  bool closed() const { return state_ == State::closed; }
  bool never_connected() const { return !connected_; }
  const LinkStats& stats() const { return stats_; }
  const std::string& peer() const { return config_.peer; }

 private:
  enum class State : std::uint8_t {
    idle,
    connecting,
    hello,     // connected; waits for the peer's hello
    deciding,  // receiver: the owner has the peer's hello
    open,
    finishing,  // finish was sent or received; the bye follows
    closed,
  };
  struct Pending {
    bool data;
    bool instruction;
    std::uint64_t bytes;
  };

  void send(Frame&& frame, Time now);
  void send_instruction(Time now);  // the waiting one, if any
  void close(const std::string& error, std::string bye_json = {});
  void violated(const std::string& what);  // the peer broke the protocol
  void lost(const std::string& reason);
  std::string slow_frame() const;  // empty: no frame has been on its way for long
  void hello_arrived(const Frame& frame, Time now);
  void control_arrived(Frame&& frame);
  std::string refusal(const FrameHeader& header) const;  // empty: allowed now
  std::string data_refusal(const FrameHeader& header) const;
  std::string control_refusal(const FrameHeader& header) const;

  LinkConfig config_;
  State state_ = State::idle;
  std::vector<Action> actions_;
  LinkStats stats_;

  std::uint64_t credit_ = 0;  // frames; sender: may be sent; receiver: granted and not used
  std::uint64_t next_request_ = 0;
  std::deque<Pending> writing_;  // SendFrames that are not frame_written yet
  bool connected_ = false;
  bool data_writing_ = false;
  bool receiving_ = false;                       // a frame has begun to arrive
  std::optional<std::string> next_instruction_;  // to send when the current one is written
  bool starving_ = false;                        // a frame is ready, but there is no credit
  std::string write_error_;

  Time begun_{}, last_in_{}, last_out_{}, last_tick_{}, front_started_{}, progress_{},
      starving_since_{}, write_error_at_{};
};

}  // namespace quantring::net
