#pragma once
// QuantRing as a library: classify pictures with a Vision Transformer, in this process or through a
// ring of nodes.
//
//   quantring::Model model("deit_tiny.safetensors");
//   quantring::Session session = quantring::Session::open_local(model, {});
//   session.submit_file(jpeg_bytes);
//   session.close_input();
//   while (auto answer = session.next())
//     for (const auto& each : model.top(answer->logits, 5))
//       std::printf("%s %.1f %%\n", each.label.c_str(), 100 * each.probability);
//
// Errors: every function that can fail throws a std::runtime_error whose what() is one line that
// names the file, node or option and says what to do. It leaves the object as it was.
//
// Threads: a Model may be used from several threads at once. So may a Session: usually one thread
// submits and another takes the answers. The library starts threads of its own.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// The library is compiled with hidden symbols: what is declared here is visible.
#pragma GCC visibility push(default)

namespace quantring {

const char* library_version();  // "0.2.0"

// How logits become probabilities.
enum class Probability : std::uint8_t {
  softmax,   // one class applies: they sum to 1
  sigmoid,   // any number of classes may apply: each by itself
  of_model,  // as the model file says: sigmoid for multi-label models and for a single class
};

struct ScoredClass {
  int index = 0;          // 0 to classes() - 1
  std::string label;      // empty where the model file has no labels
  float probability = 0;  // 0..1
};

// An open model file. Copies share it, and it stays open as long as a Session uses it.
class Model {
 public:
  // Checks the file's structure; its tensors are checked when a session loads them.
  explicit Model(const std::string& path);

  const std::string& path() const;
  std::string name() const;         // of the file, without folder and ending
  const std::string& hash() const;  // identity: 64 hex digits; the head and its nodes must agree
  int classes() const;
  const std::vector<std::string>& labels() const;  // classes() names, or empty
  // Of the pixels that the model takes:
  int channels() const;  // 1 grey, 3 RGB
  int height() const;
  int width() const;
  std::size_t pixel_bytes() const;  // channels * height * width

  // The k classes with the largest logits, largest first; ties go to the lower index.
  // logits: [classes]. Throws when their number is wrong.
  std::vector<ScoredClass> top(std::span<const float> logits, int k,
                               Probability probability = Probability::of_model) const;

 private:
  friend class Session;
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

// Where and how one process computes.
struct ComputeOptions {
  std::string device = "auto";     // auto (a GPU if there is one), cpu, cuda, cuda:N
  std::string precision = "auto";  // auto (f16 on a GPU, f32 on the CPU), f32, f16, bf16
  int threads = 0;                 // of the CPU; 0: all cores
};

struct LocalOptions {
  ComputeOptions compute;
  int max_batch = 1;  // pictures that one submit may hold, 1 to 1024
};

// The ring: a ring file, or the nodes' addresses. What is set here wins over the ring file.
struct RingOptions {
  std::string file;                 // ring.toml; empty: none
  std::vector<std::string> stages;  // HOST:PORT of each node in ring order, without a file
  int max_batch = 1;                // pictures that one submit may hold, 1 to 1024
  // Coding of the links between stages. Empty and 0: the ring file's, or the default.
  std::string policy;              // quantpipe, ladder or fixed; fixed where only a codec is given
  std::string codec;               // "ptq", "raw32", ..., or with its bits "klt 1.5": where the
                                   // policy starts
  int bits = 0;                    // bits an element, for a codec that has several widths
  double target_images_per_s = 0;  // rate that no link should hold up; 0: the slowest part's
  // Percent of answers that equal those of uncoded links, estimated for all links together; 0: the
  // ring file's, or 90; below 0: any.
  double min_agreement = 0;
  std::string ladder;    // file of operating points; empty: the model's codec file's, or built-in
  double link_mbps = 0;  // pace of every link, Mbit/s
  // Connect again when the ring is lost, every 2 s, and submit unanswered pictures
  // again. false: next() throws.
  bool reconnect = false;
  // One line of text when the ring is lost or is back, from a thread of the library; and, from
  // open_ring, while it waits for a node that another head uses, and when a codec of the ladder is
  // left out.
  std::function<void(const std::string& line)> log;
};

struct Answer {
  std::uint64_t id = 0;       // of the picture, as submit returned it
  std::vector<float> logits;  // [classes]
};

struct LinkReport {
  std::string name;   // "head -> 0", "0 -> 1", ..., "2 -> head"
  std::string codec;  // of the last frame: "ptq 6", "raw32"; empty before the first
  double bits = 0;    // an element, on average over the session
  std::uint64_t frames = 0, payload_bytes = 0, wire_bytes = 0;  // wire_bytes: headers too
  double mbps = 0;                 // Mbit/s on average since the session's first submission
  double capacity_mbps = 0;        // that the link can carry; 0: not known
  bool capacity_measured = false;  // false: it carries at least that
};

struct StageReport {
  int stage = 0;
  std::string address;  // of its node
  std::string blocks;   // "blocks 0-3"
  std::string device;   // "cpu f32", "cuda:0 f16"; empty until the stage has reported
  std::uint64_t images = 0;
  double images_per_s = 0;  // that it can compute; 0: not known yet
};

// Counters of nodes are at most a second old; exact once next() has given the last answer.
struct SessionReport {
  std::uint64_t submitted = 0, answered = 0;  // pictures
  double seconds = 0;                         // from the first submission to the last answer so far
  double images_per_s = 0;                    // answered a second in that time
  bool connected = true;                      // false while a lost ring is connected again
  std::uint64_t reconnects = 0;
  std::vector<StageReport> stages;  // in ring order; empty without a ring
  std::vector<LinkReport> links;    // one more than stages; empty without a ring
};

// Classifies pictures: submit, then next. Answers come in order of submission.
class Session {
 public:
  // Loads the whole model in this process. Throws when the file holds only a part of it.
  static Session open_local(const Model& model, const LocalOptions& options = {});
  // Connects to the nodes of a ring and waits until they have loaded their stages. The nodes hold
  // the weights: any part of the model file will do here.
  static Session open_ring(const Model& model, const RingOptions& options);

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();  // close()

  const Model& model() const;

  // Each submit copies its input, blocks while the session has no room, and returns the picture's
  // id: 0, 1, 2 ... Answers that are not taken stay in memory and do not block it.

  // Pixels at the model's size, without further preprocessing: uint8 [images, channels, height,
  // width], 1 to max_batch images. Returns the id of the first; the others follow it.
  std::uint64_t submit_pixels(std::span<const std::uint8_t> pixels);
  // A decoded picture of any size: uint8 [height, width, channels], channels 1 (grey) or 3 (RGB).
  // Resized and cropped as the model file says.
  std::uint64_t submit_picture(std::span<const std::uint8_t> pixels, int width, int height,
                               int channels);
  // A picture file in memory: JPEG, PNG, BMP ... Decoded and preprocessed as the model file says.
  std::uint64_t submit_file(std::span<const std::byte> file);
  void close_input();  // nothing more will be submitted

  // The next answer, waiting for it; nothing after close_input() once all were given. Throws when
  // a node is lost or fails, naming its stage and address.
  std::optional<Answer> next();
  // As next(), but nothing at once when no answer is there yet.
  std::optional<Answer> try_next();

  SessionReport report() const;

  // Gives up what is not answered: blocked and later calls throw. Waits for the batch that is
  // being computed, or the connection that is being made.
  void close() noexcept;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Counts since the node began.
struct NodeReport {
  std::string model_hash;  // of the model file as the last session found it
  std::uint64_t sessions = 0, failed_sessions = 0;
  bool busy = false;   // a head's session is under way
  std::string client;  // busy: host that the session came from
  int stage = -1;      // busy: number of the stage, once it is known
  std::uint64_t images = 0;
  double compute_seconds = 0;
  std::uint64_t received_bytes = 0, sent_bytes = 0;
};

struct NodeOptions {
  std::string model;                      // model file, or the part of it that holds the stage
  std::string listen = "127.0.0.1:7710";  // HOST:PORT, [IPv6]:PORT; port 0 takes a free one
  ComputeOptions compute;
  // Called once, when the node listens, with its real port.
  std::function<void(std::uint16_t port)> ready;
  // One line for each event, no newline; from threads of the node, several at once.
  std::function<void(const std::string& line)> log;
  // About once a second on the thread that serves the connections; stops when it hangs.
  std::function<void()> alive;
  std::function<void(const NodeReport&)> report;  // as often, on the same thread
};

// Stops run_node() from another thread, or from a signal handler. Copies share one state.
class StopToken {
 public:
  StopToken();
  void stop() const noexcept;
  bool stopped() const noexcept;

 private:
  friend void run_node(const NodeOptions& options, const StopToken& token);
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Serves one stage of a ring, for one head after another, on the calling thread until stopped. A
// session's failure is logged and does not end it. Throws when the model file cannot be read or
// the address cannot be listened on.
void run_node(const NodeOptions& options, const StopToken& token = {});

}  // namespace quantring

#pragma GCC visibility pop
