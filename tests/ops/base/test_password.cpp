// No message shows a password, however it is typed.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "ops/base/password.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::contains;

TEST_CASE("a URI is shown without its password") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"rtsp://u:pw@h/x", "rtsp://u:...@h/x"},
      {"http://u:p@w:@h:80/x?a=b", "http://u:...@h:80/x?a=b"},
      {"rtsp://u:p/w?#@h/x", "rtsp://u:...@h/x"},
      {"rtsp://u:p@ss#w/rd@h:554/x", "rtsp://u:...@h:554/x"},
      {"rtsp://pw@h/x", "rtsp://...@h/x"},     // a token, or a forgotten user
      {"rtsp:///u:pw@h/x", "rtsp://...@h/x"},  // malformed, as all that follow
      {"rtsp:/u:pw@h/x", "rtsp:...@h/x"},
      {"rtsp:u:pw@h/x", "rtsp:...@h/x"},
      {"rtsp//u:pw@h/x", "rtsp//u:...@h/x"},
      {"u:pw@h/x", "u:...@h/x"},
      {"u:p://w@h/x", "u:...@h/x"},
      {"rtsp://u:pw/h", "rtsp://u:..."},
      {"rtsp://u:pw?p=1", "rtsp://u:..."},
      {"http://u:p?pwd=w@h/x", "http://u:..."},
      // Parameters that are named like a secret.
      {"http://h/cgi?user=me&pwd=pw&x=1", "http://h/cgi?user=me&pwd=...&x=1"},
      {"http://h/cgi?user=me&pwd=p@w&x=1", "http://h/cgi?user=me&pwd=...&x=1"},
      {"http://h/?Password=pw", "http://h/?Password=..."},
      {"rtsp://h:554/user=a_password=pw_channel=1", "rtsp://h:554/user=a_password=..."},
      {"http://u:pw@h/?token=t&a=b", "http://u:...@h/?token=...&a=b"},
      // An '@' may end a password wherever it stands.
      {"http://h:80/a@b?c:d@e", "http://h:...@e"},
      // Without one.
      {"http://h:8080/a?b=c", "http://h:8080/a?b=c"},
      {"http://[::1]:80/x", "http://[::1]:80/x"},
      {"/dev/video0", "/dev/video0"},
      {"photos/key=1.jpg", "photos/key=1.jpg"},
      {"photo@2x.jpg", "photo@2x.jpg"},
      {"C:\\a.jpg", "C:\\a.jpg"},
      {"csi://0", "csi://0"}};
  for (const auto& [uri, shown] : cases) {
    CAPTURE(uri);
    CHECK(without_password(uri) == shown);
    CHECK(without_password(shown) == shown);
  }
}

TEST_CASE("the hint comes where characters of a password are in the way") {
  for (const char* uri : {"rtsp://u:p@w@h/", "rtsp://u:p/w@h/", "rtsp://u:p#w@h/", "rtsp:/u:pw@h/"})
    CHECK(contains(password_hint(uri), "%40 for @, %2F for /, %23 for #"));
  for (const char* uri : {"rtsp://u:pw@h/", "rtsp://h/", "/dev/video0", "a@b.jpg"})
    CHECK(password_hint(uri).empty());
}

TEST_CASE("a message loses the passwords of the command line") {
  const TempFolder folder;
  const std::string file = folder.write("10:30@cam.jpg", std::string("x"));
  const char* const argv[] = {"quantring",       "camera",       "rtsp://u:se cret@h/x",
                              "--to=v:secret@g", "-mw:secret@f", file.c_str()};
  const PasswordFilter filter(6, argv);
  for (const char* message :
       {"rtsp://u:se cret@h/x: not found", "'rtsp://u:se cret@h/x'", "--to: v:secret@g is wrong",
        "--to=v:secret@g: unknown", "w:secret@f: cannot be opened",
        "redirects to http://x:secret@i/: 404", "(rtsp://x:secret@i)", "a\nb http://secret@i/"}) {
    CAPTURE(message);
    CHECK(!contains(filter(message), "cret"));
  }
  CHECK(filter("rtsp://u:se cret@h/x: not found") == "rtsp://u:...@h/x: not found");
  for (const std::string& message :
       {file + ": not a picture", std::string("write http://USER:PASSWORD@HOST/..."),
        std::string("http://127.0.0.1:8080: in use"), std::string("me@here.org: hello")})
    CHECK(filter(message) == message);
}

}  // namespace
}  // namespace quantring
