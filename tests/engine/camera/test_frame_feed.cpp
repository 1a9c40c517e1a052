// The feed with scripted sources.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "engine/camera/arrival_rate.h"
#include "engine/camera/frame_feed.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using std::chrono::milliseconds;

// The steps of a source; after the last one it blocks until stopped, unless that is `end`.
struct Step {
  enum Kind { frame, bad, broken, end, wait } kind;
  std::string text;
};

class Script final : public FrameSource {
 public:
  Script(std::vector<Step> steps, bool live, std::atomic<int>* alive = nullptr)
      : steps_(std::move(steps)), live_(live), alive_(alive) {
    if (alive_ != nullptr) ++*alive_;
  }
  ~Script() override {
    if (alive_ != nullptr) --*alive_;
  }
  bool next(Frame& frame) override {
    const Step step = next_ < steps_.size() ? steps_[next_++] : Step{Step::wait, ""};
    switch (step.kind) {
      case Step::frame:
        frame = Frame{};
        frame.name = step.text;
        frame.file.resize(1);
        return true;
      case Step::bad:
        throw BadFrame(step.text);
      case Step::broken:
        throw Error(step.text);
      case Step::end:
        return false;
      default: {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopped_; });
        return false;
      }
    }
  }
  void stop() noexcept override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  bool live() const override { return live_; }
  std::string text() const override { return "script"; }

 private:
  std::vector<Step> steps_;
  std::size_t next_ = 0;
  bool live_;
  std::atomic<int>* alive_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

class Lines {
 public:
  FrameFeed::Log log() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 4000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(5));
  return condition();
}

std::vector<Step> frames(int count) {
  std::vector<Step> steps;
  for (int i = 0; i < count; ++i) steps.push_back({Step::frame, "picture " + std::to_string(i)});
  return steps;
}

TEST_CASE("a live source keeps only the newest frame and counts the dropped ones") {
  Lines lines;
  FrameFeed feed([] { return std::make_unique<Script>(frames(10), true); }, lines.log());
  CHECK(feed.live());
  REQUIRE(eventually([&] { return feed.stats().frames == 10; }));
  Frame frame;
  REQUIRE(feed.next(frame));
  CHECK(frame.name == "frame 9");
  const FeedStats stats = feed.stats();
  CHECK(stats.dropped == 9);
  CHECK(stats.open);
  CHECK(stats.text == "script");
  CHECK(stats.error.empty());
  CHECK(stats.frames_per_s > 0);
  CHECK(lines.all().empty());
}

TEST_CASE("every frame of files is delivered in order, and only a few are read ahead") {
  std::vector<Step> steps = frames(50);
  steps.push_back({Step::end, ""});
  FrameFeed feed([&] { return std::make_unique<Script>(steps, false); }, [](const std::string&) {});
  CHECK(!feed.live());
  REQUIRE(eventually([&] { return feed.stats().frames > 0; }));
  std::this_thread::sleep_for(milliseconds(50));
  CHECK(feed.stats().frames <= 8);
  Frame frame;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(feed.next(frame));
    CHECK(frame.name == "picture " + std::to_string(i));
  }
  CHECK(!feed.next(frame));
  CHECK(!feed.next(frame));
  CHECK(feed.stats().dropped == 0);
  CHECK(!feed.stats().open);
}

TEST_CASE("the last frame of a live stream that ends is still delivered") {
  FrameFeed feed(
      [] {
        return std::make_unique<Script>(std::vector<Step>{{Step::frame, ""}, {Step::end, ""}},
                                        true);
      },
      [](const std::string&) {});
  REQUIRE(eventually([&] { return !feed.stats().open; }));
  Frame frame;
  CHECK(feed.next(frame));
  CHECK(!feed.next(frame));
}

TEST_CASE("a picture that cannot be read is logged and counted, and the next one is delivered") {
  Lines lines;
  const std::vector<Step> steps = {{Step::bad, "a.jpg: broken"},
                                   {Step::frame, "b.jpg"},
                                   {Step::bad, "c.jpg: broken"},
                                   {Step::end, ""}};
  FrameFeed feed([&] { return std::make_unique<Script>(steps, false); }, lines.log());
  Frame frame;
  CHECK(feed.next(frame));
  CHECK(frame.name == "b.jpg");
  CHECK(!feed.next(frame));
  CHECK(feed.stats().unreadable == 2);
  CHECK(lines.all() == std::vector<std::string>{"a.jpg: broken", "c.jpg: broken"});
}

TEST_CASE("bad frames of a live source are logged at most once per interval") {
  Lines lines;
  FrameFeed feed(
      [] {
        return std::make_unique<Script>(std::vector<Step>(100, {Step::bad, "broken"}), true);
      },
      lines.log());
  REQUIRE(eventually([&] { return feed.stats().unreadable == 100; }));
  CHECK(lines.all().size() == 1);
}

TEST_CASE("files that break end with their error, after the frames before it") {
  Lines lines;
  int opened = 0;
  FrameFeed feed(
      [&] {
        ++opened;
        return std::make_unique<Script>(
            std::vector<Step>{{Step::frame, "1"}, {Step::broken, "disk gone"}}, false);
      },
      lines.log());
  Frame frame;
  CHECK(feed.next(frame));
  CHECK_THROWS_WITH_AS(feed.next(frame), "disk gone", Error);
  CHECK_THROWS_WITH_AS(feed.next(frame), "disk gone", Error);
  CHECK(feed.stats().error == "disk gone");
  CHECK(opened == 1);
  CHECK(lines.all().empty());
}

TEST_CASE("errors at the start are thrown by the constructor") {
  const auto ignore = [](const std::string&) {};
  CHECK_THROWS_WITH_AS(
      FrameFeed([]() -> std::unique_ptr<FrameSource> { throw Error("no such camera"); }, ignore),
      "no such camera", Error);
}

TEST_CASE("a live source that breaks is logged once and reopened, and its count continues") {
  Lines lines;
  std::atomic<int> attempts = 0, alive = 0;
  FrameFeed feed(
      [&]() -> std::unique_ptr<FrameSource> {
        const int attempt = attempts++;
        CHECK(alive == 0);  // the old one is closed first: a device can be opened only once
        if (attempt == 0)
          return std::make_unique<Script>(
              std::vector<Step>{{Step::frame, ""}, {Step::broken, "cam: unplugged"}}, true, &alive);
        if (attempt < 4) throw Error("cam: no such device");
        if (attempt == 4)  // opens, and breaks before a frame
          return std::make_unique<Script>(std::vector<Step>{{Step::broken, "cam: no frame"}}, true,
                                          &alive);
        return std::make_unique<Script>(frames(3), true, &alive);
      },
      lines.log(), {milliseconds(1), milliseconds(4)});
  REQUIRE(eventually([&] { return feed.stats().frames == 4; }));
  Frame frame;
  CHECK(feed.next(frame));
  CHECK(frame.name == "frame 3");  // the count continues
  CHECK(attempts == 6);
  CHECK(feed.stats().reopened == 2);
  CHECK(feed.stats().open);
  CHECK(feed.stats().error.empty());
  REQUIRE(eventually([&] { return lines.all().size() == 2; }));
  CHECK(lines.all()[0] == "cam: unplugged; trying again in 0.001 s, then at growing intervals");
  CHECK(lines.all()[1] == "script: frames arrive again");
}

TEST_CASE("a frame that arrives resets the delay") {
  Lines lines;
  FrameFeed feed(
      [] {
        return std::make_unique<Script>(
            std::vector<Step>{{Step::frame, ""}, {Step::broken, "loose plug"}}, true);
      },
      lines.log(), {milliseconds(2), milliseconds(1000)});
  REQUIRE(eventually([&] { return feed.stats().reopened >= 4; }));
  feed.stop();
  int breaks = 0;
  for (const std::string& line : lines.all()) {
    if (!line.starts_with("loose plug")) continue;
    ++breaks;
    CHECK(line == "loose plug; trying again in 0.002 s, then at growing intervals");
  }
  CHECK(breaks >= 4);
}

TEST_CASE("while it waits to reopen, the feed reports the cause and can be stopped") {
  bool first = true;
  FrameFeed feed(
      [&]() -> std::unique_ptr<FrameSource> {
        if (!std::exchange(first, false)) throw Error("still gone");
        return std::make_unique<Script>(std::vector<Step>{{Step::broken, "gone"}}, true);
      },
      [](const std::string&) {}, {milliseconds(3'600'000), milliseconds(3'600'000)});
  REQUIRE(eventually([&] { return !feed.stats().error.empty(); }));
  CHECK(feed.stats().error.starts_with("gone; trying again in 3600 s"));
  CHECK(!feed.stats().open);
  std::thread waiting([&] {
    Frame frame;
    CHECK(!feed.next(frame));
  });
  feed.stop();
  waiting.join();
}

TEST_CASE("a blocked source can be stopped") {
  for (const bool live : {true, false}) {
    FrameFeed feed([&] { return std::make_unique<Script>(frames(1), live); },
                   [](const std::string&) {});
    Frame frame;
    CHECK(feed.next(frame));
    std::thread waiting([&] { CHECK(!feed.next(frame)); });
    feed.stop();
    waiting.join();
    CHECK(!feed.next(frame));
  }
}

// Its second opening hangs in start() until it is stopped.
class Hangs final : public FrameSource {
 public:
  Hangs(bool hang, std::atomic<bool>* hanging) : hang_(hang), hanging_(hanging) {}
  void start() override {
    if (!hang_) return;
    *hanging_ = true;
    while (!stopped_) std::this_thread::sleep_for(milliseconds(1));
  }
  bool next(Frame&) override {
    if (!hang_) throw Error("gone");
    return false;
  }
  void stop() noexcept override { stopped_ = true; }
  bool live() const override { return true; }
  std::string text() const override { return "hangs"; }

 private:
  bool hang_;
  std::atomic<bool>* hanging_;
  std::atomic<bool> stopped_ = false;
};

TEST_CASE("a source that hangs while it reconnects can be stopped") {
  bool first = true;
  std::atomic<bool> hanging = false;
  FrameFeed feed([&] { return std::make_unique<Hangs>(!std::exchange(first, false), &hanging); },
                 [](const std::string&) {}, {milliseconds(1), milliseconds(1)});
  REQUIRE(eventually([&] { return hanging.load(); }));
  feed.stop();
  Frame frame;
  CHECK(!feed.next(frame));
}

TEST_CASE("delays double up to the maximum and can be reset") {
  ReopenDelay delay({});
  std::vector<long> seconds;
  for (int i = 0; i < 7; ++i) seconds.push_back(delay.next().count() / 1000);
  CHECK(seconds == std::vector<long>{1, 2, 4, 8, 16, 30, 30});
  delay.reset();
  CHECK(delay.next() == milliseconds(1000));
}

TEST_CASE("the rate covers the last seconds") {
  ArrivalRate rate;
  const ArrivalRate::Time start{};
  CHECK(rate.per_second(start) == 0);
  for (int i = 0; i <= 300; ++i) rate.arrived(start + i * milliseconds(50));
  const auto end = start + milliseconds(15000);
  CHECK(rate.per_second(end) == doctest::Approx(20));
  CHECK(rate.per_second(end + milliseconds(2500)) == doctest::Approx(10).epsilon(0.03));
  CHECK(rate.per_second(end + milliseconds(6000)) == 0);
}

}  // namespace
}  // namespace quantring
