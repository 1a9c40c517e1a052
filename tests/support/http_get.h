#pragma once
// Sends one HTTP request to a server on this machine and reads the complete response.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace quantring::test {

struct HttpAnswer {
  int status = 0;  // 0: no response
  std::string head, body;
};

// url: http://127.0.0.1:PORT/PATH
inline HttpAnswer http_get(const std::string& url) {
  const auto host = url.find("//") + 2;
  const auto path = url.find('/', host);
  const auto port = url.find(':', host);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(url.c_str() + port + 1)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  HttpAnswer answer;
  const std::string request = "GET " + url.substr(path) +
                              " HTTP/1.1\r\nHost: " + url.substr(host, path - host) +
                              "\r\nConnection: close\r\n\r\n";
  std::string text;
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    char bytes[4096];
    for (ssize_t got; (got = ::recv(socket, bytes, sizeof bytes, 0)) > 0;) {
      text.append(bytes, static_cast<std::size_t>(got));
    }
  }
  ::close(socket);
  const auto end = text.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.head = text.substr(0, end);
  answer.body = text.substr(end + 4);
  answer.status = std::atoi(text.c_str() + text.find(' '));
  return answer;
}

}  // namespace quantring::test
