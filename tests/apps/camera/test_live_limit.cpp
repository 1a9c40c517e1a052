// The sentence that names what limits a run.
#include <doctest/doctest.h>

#include "apps/camera/live_limit.h"
#include "apps/report/time_text.h"
#include "tests/apps/camera/live_status_sample.h"

namespace quantring::apps {
namespace {

// Of the sample's 29.5 frames/s 20.75 are classified.
LiveStatus working() {
  LiveStatus status = test::sample_status();
  for (LiveStage& stage : status.stages) stage.lost = false;
  return status;
}

TEST_CASE("the busiest part of a ring that does not keep up is named") {
  LiveStatus status = working();
  CHECK(limit_sentence(status, true) ==
        "Stage 1 (10.0.0.2:7710) limits the ring: it computes 75 % of the time.");
  status.links[2].busy = 0.97;
  CHECK(limit_sentence(status, true) ==
        "Link 1 -> head limits the ring: it sends 97 % of the time, 24 Mbit/s of 82.");
  status.links[2].busy = 0;
  status.links[0].busy = 0.9;
  CHECK(limit_sentence(status, false) ==
        "Link head -> 0 limits the ring: it sends 90 % of the time, 8 Mbit/s.");
  status.links[0].busy = status.stages[1].busy = 0.3;
  CHECK(limit_sentence(status, true).starts_with("No part of the ring is busy for more than 30 %"));
}

TEST_CASE("a source that is kept up with is the limit; files are none") {
  LiveStatus status = working();
  status.images_per_s = 27;
  CHECK(limit_sentence(status, true) ==
        "The source limits the rate: its 29.5 frames/s are classified as they arrive.");
  CHECK(limit_sentence(status, false).starts_with("Stage 1"));
  status.stages.clear();
  status.links.clear();
  CHECK(limit_sentence(status, false).starts_with("This process limits the rate"));
  status.images_per_s = 20;
  CHECK(limit_sentence(status, true) ==
        "This process limits the rate: it classifies 20 of 29.5 frames/s.");
}

TEST_CASE("what is lost comes first") {
  LiveStatus status = test::sample_status();  // its stage 1 is lost
  CHECK(limit_sentence(status, true) == "Nothing is classified: stage 1 (10.0.0.2:7710) is lost.");
  status = working();
  status.feed.error = "unplugged";
  CHECK(limit_sentence(status, true) == "Nothing is classified: the source delivers no frames.");
  status.feed.error.clear();
  status.healthy = false;
  CHECK(limit_sentence(status, true) == "Nothing is classified: the ring is lost.");
  LiveStatus fresh;
  fresh.healthy = true;
  CHECK(limit_sentence(fresh, true) == "Nothing is classified yet.");
}

TEST_CASE("the lost stage is the last one that the ring's error names") {
  CHECK(lost_stage(
            "the ring is lost: stage 1 (10.0.0.2:7710) was lost: reset; trying again in 2 s") == 1);
  CHECK(lost_stage(
            "the ring is lost: cannot connect to stage 1 (10.0.0.2:7710): connection refused; is "
            "`quantring node` running there, and can stage 0 (10.0.0.1:7710) reach it?; trying "
            "again in 2 s") == 1);
  CHECK(lost_stage("stage 0 (a:1): cannot connect to stage 12 (b:2): refused; is it on?") == 12);
  CHECK(lost_stage("cannot connect to stage 0 (a:1): the first stage is missing") == 0);
  CHECK(lost_stage("stage (x), stage 1") == -1);
  CHECK(lost_stage("") == -1);
  CHECK(lost_stage("stage ") == -1);
}

TEST_CASE("times are RFC 3339") {
  using std::chrono::milliseconds;
  using std::chrono::system_clock;
  CHECK(rfc3339(system_clock::time_point(milliseconds(1709251199042))) ==
        "2024-02-29T23:59:59.042Z");
  CHECK(rfc3339(system_clock::time_point(milliseconds(0))) == "1970-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace quantring::apps
