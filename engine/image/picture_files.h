#pragma once
// The picture files of a folder or a glob pattern, by the endings of their names.

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace quantring {

// What was found and is not read.
struct PassedOver {
  std::size_t files = 0;          // no pictures by their names
  std::set<std::string> endings;  // in lower case, with the dot; "" if there is none
  std::size_t broken_links = 0;
  std::string broken_link;         // the first
  std::size_t unknown_pieces = 0;  // behind JPEGs in a pipe

  void add(const std::filesystem::path& path);
  void add_broken_link(const std::filesystem::path& path);
  void add(const PassedOver& more);
  // "4 other files passed over (.heic, .tif); 1 broken link (photos/x.jpg)"; empty if there are
  // none.
  std::string text() const;
};

struct PictureFiles {
  struct File {
    std::filesystem::path path;
    std::filesystem::path below;  // relative to the given folder, else the path itself
  };
  std::vector<File> files;
  PassedOver passed_over;
};

// Of the folder and all below it, sorted by path. Left out without a word: hidden names, and what
// systems keep beside pictures (@eaDir, #recycle, __MACOSX), and what is no file (pipes, sockets,
// devices). Links to folders are followed, each
// folder is read once. Throws Error if there is no picture.
PictureFiles find_in_folder(const std::filesystem::path& folder);
// pattern: * ? [...] as in the shell; matching folders are ignored. Throws Error if there is no
// picture.
PictureFiles find_by_pattern(const std::string& pattern);

}  // namespace quantring
