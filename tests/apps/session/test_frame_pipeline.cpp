// Frames on their way through classifiers that break: a file's are all answered, in order; a live
// source's are given up, and counted.

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "apps/session/frame_pipeline.h"
#include "engine/model/model_file.h"
#include "ops/base/error.h"
#include "tests/apps/commands/programs.h"

using namespace quantring;
using namespace quantring::apps;

namespace {

// Pictures of one value each, 0, 1, 2 ...; a live one goes on for ever.
class Numbers final : public FrameSource {
 public:
  Numbers(int count, bool live) : count_(count), live_(live) {}
  bool next(Frame& frame) override {
    if (stopped_ || next_ == count_) return false;
    frame = {};
    frame.name = std::to_string(next_);
    frame.image = {8, 8, 1, std::vector<std::uint8_t>(64, static_cast<std::uint8_t>(next_ % 251))};
    if (next_ == broken_) frame.file.assign(10, std::byte{1});
    ++next_;
    frame.taken = Frame::Clock::now();
    if (live_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return true;
  }
  void stop() noexcept override { stopped_ = true; }
  bool live() const override { return live_; }
  std::string text() const override { return "numbers"; }
  int broken_ = -1;

 private:
  const int count_;
  const bool live_;
  int next_ = 0;
  std::atomic<bool> stopped_ = false;
};

// Answers with the first pixel; after `answers` of them it breaks.
class Breaking final : public Classifier {
 public:
  explicit Breaking(int answers) : left_(answers) {}
  void submit(PixelBatch&& batch) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return broken_ || waiting_.size() < 3; });
    if (broken_) throw Error("the ring is lost");
    CHECK_FALSE(closed_);
    waiting_.push_back(static_cast<int>(batch.pixels.at(0)));
    changed_.notify_all();
  }
  void close_input() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  bool next(std::vector<float>& logits) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty() || closed_ || broken_; });
    if (left_-- == 0 || broken_) {
      broken_ = true;
      changed_.notify_all();
      throw Error("the ring is lost");
    }
    if (waiting_.empty()) return false;
    logits.assign(1, static_cast<float>(waiting_.front()));
    waiting_.pop_front();
    changed_.notify_all();
    return true;
  }
  void expect_rate(double) override {}
  void stop() override {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    changed_.notify_all();
  }
  net::RingStats stats() const override { return {}; }
  net::RingStats finish() override { return {}; }
  OutputHistories histories() const override { return {}; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<int> waiting_;
  int left_;
  bool closed_ = false, broken_ = false;
};

struct Fixture {
  test::TemporaryFolder folder;
  std::string path = folder / "model.safetensors";
  ModelFile model = [this] {
    test::write_tiny_model(path);
    return ModelFile(path);
  }();
};

}  // namespace

TEST_CASE("files: every frame is answered once, in order, whatever breaks") {
  Fixture fixture;
  static constexpr int count = 500;
  std::atomic<int> said = 0;
  FrameFeed feed([] { return std::make_unique<Numbers>(count, false); }, [](const std::string&) {});
  FramePipeline pipeline(feed, fixture.model, 0, [&](const std::string&) { ++said; });
  int expected = 0, sessions = 0;
  for (bool over = false; !over; ++sessions) {
    REQUIRE(sessions < 1000);
    Breaking classifier(sessions % 7);  // 0 answers too
    pipeline.attach(classifier, 5);
    std::vector<float> logits;
    try {
      while (classifier.next(logits)) {
        const Frame frame = pipeline.take();
        CHECK(frame.name == std::to_string(expected));
        CHECK(logits[0] == expected % 251);
        ++expected;
      }
      over = true;
    } catch (const Error&) {
    }
    classifier.stop();
    pipeline.detach();
  }
  CHECK(expected == count);
  CHECK(sessions > 100);
  CHECK(pipeline.over());
  CHECK(pipeline.lost() == 0);
  CHECK(said == 0);
}

TEST_CASE("live: what was under way when a ring broke is given up, and the newest goes on") {
  Fixture fixture;
  FrameFeed feed([] { return std::make_unique<Numbers>(-1, true); }, [](const std::string&) {});
  FramePipeline pipeline(feed, fixture.model, 0, [](const std::string&) {});
  std::uint64_t answered = 0;
  int last = -1;
  for (int session = 0; session < 20; ++session) {
    Breaking classifier(3);
    pipeline.attach(classifier, 4);
    std::vector<float> logits;
    try {
      while (classifier.next(logits)) {
        const int number = std::stoi(pipeline.take().name.substr(6));  // "frame 12"
        CHECK(number > last);
        last = number;
        ++answered;
      }
    } catch (const Error&) {
    }
    classifier.stop();
    pipeline.detach();
    CHECK(pipeline.under_way() == 0);
  }
  CHECK(answered == 60);
  CHECK(pipeline.lost() > 0);
  feed.stop();
  const FeedStats stats = feed.stats();
  CHECK(stats.frames >= answered + pipeline.lost() + stats.dropped);
}

TEST_CASE("a frame that is no picture is said and counted, and a limit holds") {
  Fixture fixture;
  std::vector<std::string> said;
  std::mutex mutex;
  FrameFeed feed(
      [] {
        auto numbers = std::make_unique<Numbers>(100, false);
        numbers->broken_ = 3;
        return numbers;
      },
      [](const std::string&) {});
  FramePipeline pipeline(feed, fixture.model, 10, [&](const std::string& line) {
    const std::lock_guard lock(mutex);
    said.push_back(line);
  });
  Breaking classifier(1000);
  pipeline.attach(classifier, 5);
  std::vector<float> logits;
  std::vector<std::string> names;
  while (classifier.next(logits)) names.push_back(pipeline.take().name);
  classifier.stop();
  pipeline.detach();
  CHECK(names == std::vector<std::string>{"0", "1", "2", "4", "5", "6", "7", "8", "9", "10"});
  CHECK(pipeline.unreadable() == 1);
  REQUIRE(said.size() == 1);
  CHECK(test::contains(said[0], "3"));
}
