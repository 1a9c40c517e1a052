// Which files of a folder or a pattern are taken for pictures.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/image/picture_files.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

namespace fs = std::filesystem;
using test::contains;
using Strings = std::vector<std::string>;

void write_all(const TempFolder& folder, const Strings& names) {
  for (const std::string& name : names) folder.write(name, std::string("x"));
}

Strings names(const PictureFiles& found) {
  Strings all;
  for (const auto& file : found.files) all.push_back(file.below.string());
  return all;
}

TEST_CASE("hidden files and what systems keep beside pictures are left out") {
  const TempFolder folder;
  write_all(folder,
            {"a.jpg", "sub/b.JPEG", ".c.jpg", "._a.jpg", ".ipynb_checkpoints/a-checkpoint.jpg",
             "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", ".Trash/d.jpg", "#recycle/e.jpg",
             "$RECYCLE.BIN/f.jpg", "__MACOSX/sub/g.jpg", "sub/.hidden/h.png"});
  const PictureFiles found = find_in_folder(folder.path());
  CHECK(names(found) == Strings{"a.jpg", "sub/b.JPEG"});
  CHECK(found.passed_over.text().empty());
  CHECK(find_by_pattern(folder / "*/*.*").files.size() == 1);
  // A folder that is given by its name is read whatever that is.
  CHECK(names(find_in_folder(folder.path() / ".Trash")) == Strings{"d.jpg"});
}

TEST_CASE("other files are counted, with the endings of their names") {
  const TempFolder folder;
  write_all(folder, {"a.jpg", "b.HEIC", "c.heic", "d.tif", "sub/README"});
  CHECK(find_in_folder(folder.path()).passed_over.text() ==
        "4 other files passed over (no ending, .heic, .tif)");
  CHECK(find_by_pattern(folder / "[ab]*").passed_over.text() == "1 other file passed over (.heic)");
  write_all(folder, {"e.mp4", "f.txt", "g.zip"});
  CHECK(contains(find_in_folder(folder.path()).passed_over.text(), ".tif, .txt, ...)"));
}

TEST_CASE("linked folders and files are followed, each folder once") {
  const TempFolder folder, elsewhere;
  write_all(elsewhere, {"far.jpg", "deep/deeper.jpg"});
  write_all(folder, {"z/near.jpg"});
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "linked");
  fs::create_directory_symlink(folder.path() / "z", folder.path() / "again");
  fs::create_directory_symlink(folder.path(), folder.path() / "z" / "loop");
  fs::create_directory_symlink("..", elsewhere.path() / "deep" / "up");
  fs::create_symlink(elsewhere.path() / "far.jpg", folder.path() / "file.jpg");
  fs::create_symlink(folder.path() / "nowhere", folder.path() / "broken.jpg");
  const PictureFiles found = find_in_folder(folder.path());
  CHECK(names(found) ==
        Strings{"file.jpg", "linked/deep/deeper.jpg", "linked/far.jpg", "z/near.jpg"});
  CHECK(found.passed_over.text() ==
        "1 broken link (" + (folder.path() / "broken.jpg").string() + ")");
}

TEST_CASE("broken links are told apart from other files; pipes, sockets and devices are none") {
  const TempFolder folder;
  write_all(folder, {"a.jpg", "b.heic"});
  fs::create_symlink("nowhere", folder.path() / "c.jpg");
  fs::create_symlink("c2.jpg", folder.path() / "c2.jpg");  // to itself
  fs::create_symlink("/dev/null", folder.path() / "d.jpg");
  REQUIRE(::mkfifo((folder / "e.jpg").c_str(), 0600) == 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder / "f.jpg";
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(socket);
  for (const PictureFiles& found : {find_in_folder(folder.path()), find_by_pattern(folder / "*")}) {
    CHECK(found.files.size() == 1);
    CHECK(found.passed_over.files == 1);
    CHECK(found.passed_over.broken_links == 2);
    CHECK(contains(found.passed_over.text(), "1 other file passed over (.heic); 2 broken links ("));
  }
}

}  // namespace
}  // namespace quantring
