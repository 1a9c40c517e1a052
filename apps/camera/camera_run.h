#pragma once
// One run of `camera`: source -> newest frame -> classifier -> answers, in the terminal and on a
// page, for as long as the source lasts.

#include <cstdint>
#include <string>

#include "apps/camera/source/open_camera.h"
#include "apps/commands/classify_run.h"
#include "apps/options/ring_request.h"
#include "engine/camera/frame_feed.h"

namespace quantring::apps {

struct CameraRunOptions {
  CameraOptions camera;  // its channels are the model's
  std::string model;     // path; empty: the ring file's
  RingRequest ring;
  std::string listen;  // HOST:PORT of the page; empty: none
  int top = 3;
  ClassOptions classes;
  bool json = false;
  bool quiet = false;       // no line per frame
  std::uint64_t limit = 0;  // frames at most; 0: all
};

struct CameraSummary {
  RunSummary run;  // of the last session, where a ring was lost in between; images of all
  FeedStats feed;
  bool live = false, stopped = false;  // stopped: by a signal
  std::uint64_t unreadable = 0, lost = 0, reconnects = 0;
  double latency_p50_s = 0, latency_p95_s = 0, longest_s = 0;  // of the whole run
};

// Until the source ends, or SIGINT or SIGTERM comes: what is under way is answered first. A ring of
// other machines that is lost is reconnected, tried every 2 s. Throws Error for what is
// wrong from the beginning, and for files that cannot be read on.
CameraSummary run_camera(const CameraRunOptions& options);

// What comes before the closing report of the run.
std::string camera_report(const CameraSummary& summary);

}  // namespace quantring::apps
