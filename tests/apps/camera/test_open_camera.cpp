// Sources by URI: invalid ones, files and standard input.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include "tests/apps/camera/open_camera_support.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring::apps {
namespace {

using namespace quantring::test;
using std::chrono::milliseconds;

TEST_CASE("an invalid source is refused with the valid ones") {
  CHECK(contains(error_of([] { open("gopher://cam/"); }),
                 "unknown scheme 'gopher': use v4l2, csi, rtsp, http or file"));
  CHECK(!contains(error_of([] { open("ftp://me:secret@cam/"); }), "secret"));
  CHECK(contains(error_of([] { open("https://cam/x.mjpg"); }), "https is not supported"));
  CHECK(contains(error_of([] { open("/no/such/picture.jpg"); }), "/no/such/picture.jpg"));
  CHECK(contains(error_of([] { open("file:///no/such/video.mp4"); }),
                 "/no/such/video.mp4: cannot be opened: No such file or directory"));
  CHECK(contains(error_of([] { open("/no/such/video.mjpeg"); }), "cannot be opened"));
  for (const char* wrong : {"csi://", "csi://x", "csi://0x", "csi://-1", "csi://0 ! filesink"})
    CHECK(contains(error_of([&] { open(wrong); }), "write csi://0"));
  for (const char* other : {"-", "csi://0", "http://cam/", "/dev/video0", "x.mp4", "x.mjpeg"})
    CHECK(contains(error_of([&] { open(other, "labels.csv"); }),
                   "--labels is for pictures from files"));
  CHECK(contains(error_of([] { open("v4l2://video0"); }), "v4l2:///dev/video0"));
  for (const char* gone : {"/dev/video987", "v4l2:///dev/video987", "V4L2:///dev/none"})
    CHECK(contains(error_of([&] { open(gone); }), "no such device"));
  CHECK(contains(error_of([] { open("/dev/null"); }), "/dev/null: this is not a V4L2 camera"));
  CHECK(
      contains(error_of([] { open("rtsp://me:secret@cam/a b"); }), "rtsp://me:...@cam/a b: a URI"));
}

TEST_CASE("a camera is named by its number") {
  for (const char* number : {"97", "v4l2://97"})
    CHECK(error_of([&] { open(number); }).starts_with("/dev/video97: "));
  // But not where a file has that name.
  const TempFolder folder;
  folder.write("97", numbered_jpeg(5));
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const std::string found = error_of([] { open("97"); });
  std::filesystem::current_path(before);
  CHECK(!contains(found, "/dev/video97"));
}

TEST_CASE("no malformed URI shows its password, and the error says how to write it") {
  for (const char* uri :
       {"rtsp:/u:secret@cam/1", "rtsp:u:secret@cam/1", "rtsp//u:secret@cam/1", "u:secret@cam/1",
        "rtsp://u:x/secret@cam/1", "rtsp://u:x#secret@cam/1", "rtsp://u:x@secret/y@cam/1",
        "http://u:x?secret@cam/1", "http:/u:secret@cam/1", "http:u:x@secret@cam",
        "u:secret@rtsp://cam/1", "rstp://u:x@secret@cam/1"}) {
    const std::string error = error_of([&] { open(uri); });
    CAPTURE(error);
    CHECK(error != no_error);
    CHECK(!contains(error, "secret"));
    if (!contains(error, "unknown scheme")) CHECK(contains(error, "%40 for @"));
  }
  CHECK_THROWS_AS(open("http://u:x/y@cam/"), OptionError);
  CHECK_THROWS_AS(open("rtsp:/cam/1"), OptionError);
}

TEST_CASE("files are delivered as bytes with labels; a missing one is skipped") {
  const TempFolder folder;
  for (int i = 0; i < 3; ++i) folder.write("p/" + std::to_string(i) + ".jpg", numbered_jpeg(i));
  const std::string labels = folder.write("labels.csv", "file,class_index\n0.jpg,7\n2.jpg,9\n");
  for (const std::string& uri : {folder / "p", "file://" + (folder / "p"), folder / "p/*.jpg"}) {
    const auto source = open(uri, labels);
    CHECK(!source->live());
    CHECK(contains(source->text(), "3 pictures"));
    std::filesystem::rename(folder / "p/1.jpg", folder / "gone.jpg");
    Frame frame;
    REQUIRE(source->next(frame));
    CHECK(frame.name == folder / "p/0.jpg");
    CHECK(frame.label == 7);
    CHECK(frame.file == numbered_jpeg(0));
    CHECK_THROWS_AS(source->next(frame), BadFrame);
    REQUIRE(source->next(frame));
    CHECK(frame.label == 9);
    CHECK(number_of(frame) == 2);
    CHECK(!source->next(frame));
    std::filesystem::rename(folder / "gone.jpg", folder / "p/1.jpg");
  }
}

TEST_CASE("an IDX file is delivered as pixels") {
  const TempFolder folder;
  std::string idx("\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\2abcd", 20);
  const auto source = open(folder.write("x-images-idx3-ubyte", idx));
  Frame frame;
  REQUIRE(source->next(frame));
  CHECK(frame.file.empty());
  CHECK(frame.image.channels == 3);
  CHECK(frame.image.pixels == std::vector<std::uint8_t>{'a', 'a', 'a', 'b', 'b', 'b'});
  source->stop();
  CHECK(!source->next(frame));
}

TEST_CASE("a raw MJPEG file delivers every picture") {
  const TempFolder folder;
  std::string stream;
  for (int i = 0; i < 50; ++i) stream += text_of(numbered_jpeg(i));
  const auto source = open(folder.write("clip.mjpeg", stream));
  source->start();
  CHECK(!source->live());
  CHECK(numbers(*source) == count_to(50));
  // Cut at the start and without an end marker: read all the same.
  const std::string jpeg = text_of(numbered_jpeg(7));
  const auto broken = open(folder.write(
      "broken.mjpeg", jpeg.substr(0, jpeg.size() - 20) + jpeg + jpeg.substr(0, jpeg.size() - 2)));
  broken->start();
  Frame frame;
  CHECK(broken->next(frame));
  CHECK(broken->next(frame));
  CHECK(number_of(frame) == 7);
  CHECK(broken->next(frame));
  CHECK(number_of(frame) == 7);
  CHECK(!broken->next(frame));
  const auto nothing = open(folder.write("nothing.MJPG", std::string("no picture")));
  CHECK(contains(error_of([&] { nothing->start(); }), "ended without a JPEG in it"));
}

// Replaces file descriptor 0 by a pipe.
class StandardInput {
 public:
  StandardInput() : kept_(::dup(STDIN_FILENO)) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    end_ = ends[1];
  }
  ~StandardInput() {
    close();
    ::dup2(kept_, STDIN_FILENO);
    ::close(kept_);
  }
  void write(const std::string& bytes) const {
    REQUIRE(::write(end_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  void close() {
    if (end_ >= 0) ::close(std::exchange(end_, -1));
  }

 private:
  int kept_, end_ = -1;
};

TEST_CASE("standard input is live MJPEG, ends at its end, and can be stopped") {
  StandardInput input;
  const auto source = open("-");
  CHECK(source->live());
  input.write(text_of(numbered_jpeg(1)) + text_of(numbered_jpeg(2)));
  Frame frame;
  REQUIRE(source->next(frame));
  CHECK(number_of(frame) == 1);
  CHECK(frame.name == "frame 0");
  REQUIRE(source->next(frame));
  CHECK(number_of(frame) == 2);
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(30));
    source->stop();
  });
  CHECK(!source->next(frame));
  stopper.join();
  const auto again = open("-");
  input.write(text_of(numbered_jpeg(3)));
  input.close();
  CHECK(numbers(*again) == std::vector<int>{3});
  const auto empty = open("-");
  CHECK_THROWS_WITH_AS(empty->next(frame), "standard input: ended without a JPEG in it", BadFrame);
  CHECK(!empty->next(frame));
}

}  // namespace
}  // namespace quantring::apps
