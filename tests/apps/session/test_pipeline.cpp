// Pictures through sessions that are lost: of files each is answered once, in order; of a live
// source the unanswered ones are dropped and counted.

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "apps/session/pipeline.h"
#include "engine/model/model_file.h"
#include "ops/base/error.h"
#include "tests/apps/commands/programs.h"

using namespace quantring;

namespace {

// Pictures of one value each: 0, 1, 2 ...; count -1: without end.
class Numbers final : public FrameSource {
 public:
  Numbers(int count, bool live) : count_(count), live_(live) {}
  bool next(Frame& frame) override {
    if (stopped_ || next_ == count_) return false;
    frame = {};
    frame.name = std::to_string(next_);
    frame.image = {8, 8, 1, std::vector<std::uint8_t>(64, static_cast<std::uint8_t>(next_ % 251))};
    if (next_ == broken_) frame.file.assign(10, std::byte{1});
    if (next_ == missing_) {
      ++next_;
      throw BadFrame("no picture " + frame.name);
    }
    ++next_;
    frame.taken = Frame::Clock::now();
    if (live_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return true;
  }
  void stop() noexcept override { stopped_ = true; }
  bool live() const override { return live_; }
  std::string text() const override { return "numbers"; }
  int broken_ = -1, missing_ = -1;

 private:
  const int count_;
  const bool live_;
  int next_ = 0;
  std::atomic<bool> stopped_ = false;
};

// Answers with the first pixel of each image; is lost after `batches` answers.
class Lossy final : public BatchSession {
 public:
  explicit Lossy(int batches) : left_(batches) {}
  void submit(PixelBatch&& batch) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return lost_ || waiting_.size() < 3; });
    if (lost_) throw Error("stage 1 is lost");
    CHECK_FALSE(closed_);
    CHECK(batch.pixels.size() == batch.images * 64);
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
  }
  void close_input() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  bool next(std::vector<float>& logits) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty() || closed_ || lost_; });
    if (left_ == 0 || lost_) {
      lost_ = true;
      changed_.notify_all();
      throw Error("stage 1 is lost");
    }
    if (waiting_.empty()) return false;
    --left_;
    logits.clear();
    for (std::uint32_t i = 0; i < waiting_.front().images; ++i) {
      logits.push_back(static_cast<float>(waiting_.front().pixels[i * 64]));
    }
    waiting_.pop_front();
    changed_.notify_all();
    return true;
  }
  void expect_rate(double) override {}
  void stop() noexcept override {
    const std::lock_guard lock(mutex_);
    lost_ = true;
    changed_.notify_all();
  }
  net::RingStats stats() const override { return {}; }
  net::RingStats finish() override { return {}; }
  OutputHistories histories() const override { return {}; }
  RingLimit limit() const override { return {.part = "compute of stage 1"}; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PixelBatch> waiting_;
  int left_;
  bool closed_ = false, lost_ = false;
};

struct Fixture {
  test::TemporaryFolder folder;
  std::string path = folder / "model.safetensors";
  ModelFile model = [this] {
    test::write_tiny_model(path);
    return ModelFile(path);
  }();
};

ReplayOptions quick(OnLoss on_loss) {
  ReplayOptions options;
  options.on_loss = on_loss;
  options.max_unanswered = 5;
  options.max_answers = 4;
  options.delays = {std::chrono::milliseconds(0), std::chrono::milliseconds(0)};
  return options;
}

}  // namespace

TEST_CASE("files: every picture is answered once, in order, however often the ring is lost") {
  const Fixture fixture;
  for (const int batch : {1, 3}) {
    CAPTURE(batch);
    constexpr int count = 500;
    Numbers source(count, false);
    std::atomic<int> sessions = 0, lines = 0;
    ReplayOptions options = quick(OnLoss::replay);
    options.log = [&](const std::string&) { ++lines; };
    // Some are lost before the first answer; every fifth attempt to connect fails.
    ReplaySession session(
        [&]() -> std::unique_ptr<BatchSession> {
          if (++sessions % 5 == 0) throw Error("connection refused");
          return std::make_unique<Lossy>(sessions % 7);
        },
        options);
    PictureBatchOptions batches;
    batches.batch = batch;
    Pipeline pipeline(picture_source(source), fixture.model, session, batches,
                      [](const std::string& line) { FAIL(line); });
    int expected = 0;
    AnsweredBatch answered;
    while (pipeline.next(answered)) {
      REQUIRE(answered.frames.size() == answered.logits.size());
      for (std::size_t i = 0; i < answered.frames.size(); ++i, ++expected) {
        CHECK(answered.frames[i].name == std::to_string(expected));
        CHECK(answered.logits[i] == static_cast<float>(expected % 251));
      }
    }
    CHECK(expected == count);
    CHECK(sessions > 30);
    CHECK(lines > 60);
    CHECK(session.state().reconnects > 30);
    CHECK(session.state().dropped == 0);
    CHECK(session.state().unanswered == 0);
    CHECK(session.over());
  }
}

TEST_CASE("live: unanswered pictures of a lost ring are dropped, and newer ones follow") {
  const Fixture fixture;
  Numbers source(-1, true);
  ReplaySession session([] { return std::make_unique<Lossy>(3); }, quick(OnLoss::drop));
  Pipeline pipeline(picture_source(source), fixture.model, session, {}, [](const std::string&) {});
  std::uint64_t answered = 0;
  int last = -1;
  AnsweredBatch batch;
  while (session.state().reconnects < 20 && pipeline.next(batch)) {
    const int number = std::stoi(batch.frames.at(0).name);
    CHECK(number > last);
    CHECK(batch.logits.at(0) == static_cast<float>(number % 251));
    last = number;
    ++answered;
  }
  source.stop();
  while (pipeline.next(batch)) ++answered;
  CHECK(session.state().answered == answered);
  CHECK(session.state().dropped > 0);
  CHECK(answered >= 60);
}

TEST_CASE("without reconnecting, the error comes after the answers that were there") {
  const Fixture fixture;
  Numbers source(100, false);
  ReplaySession session([] { return std::make_unique<Lossy>(7); }, quick(OnLoss::fail));
  Pipeline pipeline(picture_source(source), fixture.model, session, {}, [](const std::string&) {});
  AnsweredBatch batch;
  for (int i = 0; i < 7; ++i) REQUIRE(pipeline.next(batch));
  CHECK_THROWS_WITH_AS(pipeline.next(batch), "stage 1 is lost", Error);
  CHECK_THROWS_WITH_AS(session.submit({}), "stage 1 is lost", Error);
  CHECK_FALSE(session.wait_for_room());
}

TEST_CASE(
    "a picture that cannot be read is reported and counted, and the limit counts the others") {
  const Fixture fixture;
  Numbers source(100, false);
  source.broken_ = 3;
  source.missing_ = 5;
  std::vector<std::string> lines;
  std::mutex mutex;
  ReplaySession session([] { return std::make_unique<Lossy>(1000); }, quick(OnLoss::fail));
  PictureBatchOptions options;
  options.limit = 10;
  Pipeline pipeline(picture_source(source), fixture.model, session, options,
                    [&](const std::string& line) {
                      const std::lock_guard lock(mutex);
                      lines.push_back(line);
                    });
  std::vector<std::string> names;
  AnsweredBatch batch;
  while (pipeline.next(batch)) names.push_back(batch.frames.at(0).name);
  CHECK(names == std::vector<std::string>{"0", "1", "2", "4", "6", "7", "8", "9", "10", "11"});
  CHECK(pipeline.unreadable() == 2);
  REQUIRE(lines.size() == 2);
  CHECK(test::contains(lines[0], "3"));
  CHECK(lines[1] == "no picture 5");
}

TEST_CASE("a ring whose nodes answer again is joined within 2 s") {
  ReopenDelay delay(ReplayOptions{}.delays);
  for (int i = 0; i < 20; ++i) CHECK(delay.next() <= std::chrono::seconds(2));
}

TEST_CASE("what held up a ring that is lost for good is known") {
  for (const OnLoss on_loss : {OnLoss::fail, OnLoss::replay}) {
    std::atomic<bool> connected = false;
    const auto connect = [&]() -> std::unique_ptr<BatchSession> {
      if (connected.exchange(true)) throw Error("connection refused");
      return std::make_unique<Lossy>(0);
    };
    ReplaySession session(connect, quick(on_loss));
    session.submit({1, std::vector<std::byte>(64)});
    if (on_loss == OnLoss::replay) {
      while (session.state().connected) std::this_thread::yield();
      session.stop_reconnecting();
    }
    while (!session.over()) std::this_thread::yield();
    CHECK(session.limit().part == "compute of stage 1");
  }
}

TEST_CASE("stopping a session, or its reconnecting, wakes all waiting threads") {
  std::atomic<bool> connected = false;
  const auto connect = [&]() -> std::unique_ptr<BatchSession> {
    if (connected.exchange(true)) throw Error("connection refused");
    return std::make_unique<Lossy>(0);
  };
  ReplayOptions options = quick(OnLoss::replay);
  options.delays = {std::chrono::seconds(30), std::chrono::seconds(30)};
  for (const bool stop : {false, true}) {
    CAPTURE(stop);
    connected = false;
    ReplaySession session(connect, options);
    session.submit({1, std::vector<std::byte>(64)});
    std::thread other([&] {
      while (session.state().connected) std::this_thread::yield();
      if (stop) {
        session.stop();
      } else {
        session.stop_reconnecting();
      }
    });
    if (stop) {
      CHECK_THROWS_WITH_AS(session.next(), "the session was stopped", Error);
    } else {
      CHECK_FALSE(session.next());
    }
    other.join();
    CHECK(session.over());
    CHECK_THROWS_AS(session.submit({1, std::vector<std::byte>(64)}), Error);
  }
}
