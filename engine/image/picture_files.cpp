#include "engine/image/picture_files.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/base/error.h"
#include "ops/base/lower_case.h"
#include "ops/base/password.h"

namespace quantring {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 13> picture_endings = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp",
    ".bmp", ".gif",  ".tga", ".pnm",  ".pgm", ".ppm"};

std::string lower_ending(const fs::path& path) {
  return lower_case(path.extension().string());
}

// What systems keep among the files: thumbnails, deleted files, other halves of files.
bool is_system_name(std::string_view name) {
  constexpr std::array<std::string_view, 9> names = {
      "@eaDir",   "@Recycle",   "@tmp",
      "#recycle", "#snapshot",  "$RECYCLE.BIN",
      "__MACOSX", "lost+found", "System Volume Information"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

void add(PictureFiles& found, PictureFiles::File file) {
  const std::string ending = lower_ending(file.path);
  if (std::find(picture_endings.begin(), picture_endings.end(), ending) != picture_endings.end()) {
    found.files.push_back(std::move(file));
  } else {
    found.passed_over.add(file.path);
  }
}

std::string nothing_found(const PictureFiles& found) {
  const std::string others = found.passed_over.text();
  return fmt::format("looked for {}{}{}", fmt::join(picture_endings, " "),
                     others.empty() ? "" : "; ", others);
}

class FolderSearch {
 public:
  explicit FolderSearch(const fs::path& top) : top_(top) {}

  PictureFiles run() {
    // A folder that lies below the given one and is linked as well has its own path.
    folders_.push_back(top_);
    while (!folders_.empty() || !links_.empty()) {
      auto& next = folders_.empty() ? links_ : folders_;
      // Of several links to a folder the first by name counts.
      const auto first =
          folders_.empty() ? std::min_element(next.begin(), next.end()) : std::prev(next.end());
      const fs::path folder = *first;
      next.erase(first);
      read(folder);
    }
    std::sort(found_.files.begin(), found_.files.end(),
              [](const auto& a, const auto& b) { return a.below < b.below; });
    return std::move(found_);
  }

 private:
  void read(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) == 0 &&
        !seen_.insert({status.st_dev, status.st_ino}).second)
      return;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::end(entry);
         entry.increment(error))
      take(*entry);
    if (error)
      throw Error(
          fmt::format("{}: the folder cannot be read: {}", folder.string(), error.message()));
  }

  void take(const fs::directory_entry& entry) {
    const fs::path& path = entry.path();
    const std::string name = path.filename().string();
    if (name.starts_with('.') || is_system_name(name)) return;
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      (entry.is_symlink(ignored) ? links_ : folders_).push_back(path);
    } else if (entry.is_regular_file(ignored)) {
      add(found_, {path, path.lexically_relative(top_)});
    } else if (entry.is_symlink(ignored) && !entry.exists(ignored)) {
      found_.passed_over.add_broken_link(path);
    }
  }

  const fs::path& top_;
  std::vector<fs::path> folders_, links_;  // to be read
  std::set<std::pair<dev_t, ino_t>> seen_;
  PictureFiles found_;
};

// Whether a wildcard of the pattern has reached into what is_system_name() leaves out.
bool reaches_system_name(const fs::path& path, const std::string& pattern) {
  return std::any_of(path.begin(), path.end(), [&](const fs::path& part) {
    return is_system_name(part.string()) && pattern.find(part.string()) == std::string::npos;
  });
}

}  // namespace

void PassedOver::add(const fs::path& path) {
  ++files;
  endings.insert(lower_ending(path));
}

void PassedOver::add_broken_link(const fs::path& path) {
  if (broken_links++ == 0) broken_link = path.string();
}

void PassedOver::add(const PassedOver& more) {
  files += more.files;
  endings.insert(more.endings.begin(), more.endings.end());
  broken_links += more.broken_links;
  if (broken_link.empty()) broken_link = more.broken_link;
  unknown_pieces += more.unknown_pieces;
}

std::string PassedOver::text() const {
  std::vector<std::string> parts;
  const auto add = [&](std::size_t count, const char* what, const std::string& more) {
    if (count > 0)
      parts.push_back(fmt::format("{} {}{}{}", count, what, count > 1 ? "s" : "", more));
  };
  constexpr std::size_t max_shown = 5;
  std::vector<std::string> shown;
  for (const std::string& ending : endings) {
    if (shown.size() == max_shown) {
      shown.push_back("...");
      break;
    }
    shown.push_back(ending.empty() ? "no ending" : ending);
  }
  add(files, "other file", fmt::format(" passed over ({})", fmt::join(shown, ", ")));
  add(broken_links, "broken link",
      fmt::format(" ({}{})", broken_link, broken_links > 1 ? ", ..." : ""));
  add(unknown_pieces, "unknown piece", " behind pictures of a pipe passed over");
  return fmt::format("{}", fmt::join(parts, "; "));
}

PictureFiles find_in_folder(const fs::path& folder) {
  PictureFiles found = FolderSearch(folder).run();
  if (found.files.empty())
    throw Error(
        fmt::format("{}: no picture in this folder: {}", folder.string(), nothing_found(found)));
  return found;
}

PictureFiles find_by_pattern(const std::string& pattern) {
  glob_t matches{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &matches);
  PictureFiles found;
  for (std::size_t i = 0; status == 0 && i < matches.gl_pathc; ++i) {
    const fs::path path = matches.gl_pathv[i];
    std::error_code ignored;
    if (reaches_system_name(path, pattern)) continue;
    if (fs::is_regular_file(path, ignored)) add(found, {path, path});
    if (fs::is_symlink(path, ignored) && !fs::exists(path, ignored))
      found.passed_over.add_broken_link(path);
  }
  ::globfree(&matches);
  if (found.files.empty() && pattern.find("://") != std::string::npos)
    throw Error(
        fmt::format("{}: an address and no file: quantring camera reads cameras and streams; for a "
                    "picture: curl -s ADDRESS | quantring classify -",
                    without_password(pattern)));
  if (found.files.empty())
    throw Error(
        fmt::format("{}: no such file or folder, and as a pattern it matches no picture: {}",
                    pattern, nothing_found(found)));
  return found;
}

}  // namespace quantring
