#include "daemon/server.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/daemon/gunzip.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

struct Fetched {
  long status = 0;
  std::map<std::string, std::string> headers{};
  std::string body{};
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  static_cast<Fetched*>(user)->body.append(data, size);
  return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  const std::string line(data, size);
  if (const auto colon = line.find(": "); colon != std::string::npos) {
    static_cast<Fetched*>(user)->headers[line.substr(0, colon)] =
        line.substr(colon + 2, line.find('\r') - colon - 2);
  }
  return size;
}

// `address` is as Server::addresses() tells it.
Fetched fetch(const std::string& address, const std::string& path,
              const std::string& method = "GET", const std::vector<std::string>& headers = {}) {
  const bool local = address.starts_with("unix:");
  const std::string url = "http://" + (local ? "localhost" : address) + path;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  curl_slist* list = nullptr;
  for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> kept(list,
                                                                         &curl_slist_free_all);
  Fetched fetched;
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  if (local) curl_easy_setopt(easy.get(), CURLOPT_UNIX_SOCKET_PATH, address.c_str() + 5);
  curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT, 30L);
  if (method == "HEAD") curl_easy_setopt(easy.get(), CURLOPT_NOBODY, 1L);
  if (method != "GET" && method != "HEAD") {
    curl_easy_setopt(easy.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &fetched);
  curl_easy_setopt(easy.get(), CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(easy.get(), CURLOPT_HEADERDATA, &fetched);
  const CURLcode code = curl_easy_perform(easy.get());
  if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &fetched.status);
  return fetched;
}

HttpReply hello(const HttpRequest&) { return {.body = std::string("hello\n")}; }

// A server with a book of its own.
class Served {
 public:
  Served(const std::vector<std::string>& addresses, Server::Handler handler,
         ConnectionLimits limits = {}, const config::Web& web = {})
      : connections(limits,
                    [this](Refusal why, const std::string&, const std::string&) {
                      const std::lock_guard lock(mutex_);
                      ++refused_[why];
                    }),
        access(web, read_admission(web).value(), self),
        server(std::move(handler), connections, access, pulses) {
    server.bind(addresses);
    server.serve(addresses);
  }
  [[nodiscard]] std::vector<std::string> addresses() const { return server.addresses(); }

  using Refused = std::map<Refusal, int>;
  [[nodiscard]] Refused refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  mutable std::mutex mutex_{};
  Refused refused_{};

 public:
  Pulses pulses{};
  SelfMetrics self{};
  Connections connections;
  Access access;
  Server server;
};

// A page of many pieces of every length up to a few hundred bytes, and empty ones between.
std::shared_ptr<const Page> large_page(std::size_t pieces) {
  auto page = std::make_shared<Page>();
  for (std::size_t i = 0; i < pieces; ++i) {
    std::string text;
    for (std::size_t j = 0; j < (i * 7) % 500; ++j) {
      text += static_cast<char>('!' + (i * 31 + j) % 90);
    }
    page->append(text);
  }
  return page;
}

// More than sockets hold.
std::shared_ptr<const Page> endless_page() {
  auto page = std::make_shared<Page>();
  const std::string text(1024 * 1024, 'x');
  for (int i = 0; i < 32; ++i) page->append(text);
  return page;
}

TEST(Server, AnswersWithTheHandlersText) {
  const Served server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    return HttpReply{.status = 201,
                     .content_type = "text/x; charset=utf-8",
                     .body = request.method + " " + request.path,
                     .headers = {{"X-One", "1"}, {"Allow", "GET, HEAD"}}};
  });
  const auto fetched = fetch(server.addresses().at(0), "/a/b?c=d");
  EXPECT_EQ(fetched.status, 201);
  EXPECT_EQ(fetched.body, "GET /a/b");
  EXPECT_EQ(fetched.headers.at("Content-Type"), "text/x; charset=utf-8");
  EXPECT_EQ(fetched.headers.at("X-One"), "1");
  EXPECT_EQ(fetched.headers.at("Allow"), "GET, HEAD");
  EXPECT_EQ(fetched.headers.at("Content-Length"), "8");
}

TEST(Server, ArgumentsArriveDecodedAndInTheirOrder) {
  const Served server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    std::string text;
    for (const auto& [name, value] : request.arguments) text += name + "=" + value + "\n";
    return HttpReply{.body = text};
  });
  EXPECT_EQ(fetch(server.addresses().at(0), "/?b[]=x%20y&a=1&b%5B%5D=z%26&none&empty=").body,
            "b[]=x y\na=1\nb[]=z&\nnone=\nempty=\n");
}

// A text of that many stretches.
Stream counting(int stretches) {
  return [stretches, next = 0]() mutable {
    return next == stretches ? std::string() : "stretch " + std::to_string(next++) + "\n";
  };
}

std::string counted(int stretches) {
  std::string text;
  auto stream = counting(stretches);
  for (auto part = stream(); !part.empty(); part = stream()) text += part;
  return text;
}

TEST(Server, AStreamArrivesWholePlainAndAsOneGzipStream) {
  const Served server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    return HttpReply{.body = StreamBody{.next = counting(20000), .gzip = request.path == "/gzip"}};
  });
  EXPECT_TRUE(fetch(server.addresses().at(0), "/plain").body == counted(20000));
  EXPECT_TRUE(gunzip(fetch(server.addresses().at(0), "/gzip").body) == counted(20000));
  EXPECT_EQ(fetch(server.addresses().at(0), "/plain", "HEAD").body, "");
}

TEST(Server, AStreamThatFailsIsCutOffAndTheServerGoesOn) {
  const Served server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    if (request.path == "/good") return hello(request);
    return HttpReply{
        .body = StreamBody{.next = []() -> std::string { throw std::runtime_error("a bug"); }}};
  });
  EXPECT_THROW(fetch(server.addresses().at(0), "/bad"), std::runtime_error);
  EXPECT_EQ(fetch(server.addresses().at(0), "/good").body, "hello\n");
}

TEST(Server, EveryAnswerSaysWhatABrowserMayDoWithIt) {
  const Served server({"127.0.0.1:0"}, &hello);
  const auto headers = fetch(server.addresses().at(0), "/").headers;
  EXPECT_EQ(headers.at("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(headers.at("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(headers.at("Content-Security-Policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
}

TEST(Server, EveryMethodReachesTheHandler) {
  const Served server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    return HttpReply{.status = 405, .body = request.method};
  });
  for (const std::string method : {"POST", "DELETE", "PUT", "OPTIONS"}) {
    const auto fetched = fetch(server.addresses().at(0), "/", method);
    EXPECT_EQ(fetched.status, 405);
    EXPECT_EQ(fetched.body, method);
  }
}

TEST(Server, HeadHasTheLengthAndNoBody) {
  const auto page = large_page(300);
  const Served server({"127.0.0.1:0"}, [&](const HttpRequest& request) {
    if (request.path == "/page") return HttpReply{.body = PageBody{.page = page}};
    return hello(request);
  });
  const auto text = fetch(server.addresses().at(0), "/", "HEAD");
  EXPECT_EQ(text.status, 200);
  EXPECT_EQ(text.headers.at("Content-Length"), "6");
  EXPECT_EQ(text.body, "");
  const auto large = fetch(server.addresses().at(0), "/page", "HEAD");
  EXPECT_EQ(large.headers.at("Content-Length"), std::to_string(page->checksum.length));
  EXPECT_EQ(large.body, "");
}

TEST(Server, APageOfManyPiecesArrivesByteForByte) {
  const auto page = large_page(20000);
  ASSERT_GT(page->checksum.length, 4000000U);
  const Served server({"127.0.0.1:0"}, [&](const HttpRequest&) {
    return HttpReply{.body = PageBody{.page = page}};
  });
  const auto fetched = fetch(server.addresses().at(0), "/metrics");
  EXPECT_EQ(fetched.headers.at("Content-Length"), std::to_string(page->checksum.length));
  EXPECT_TRUE(fetched.body == page->text()) << fetched.body.size();
}

TEST(Server, APageIsOneGzipStreamForWhoWantsIt) {
  const auto page = large_page(20000);
  const Served server({"127.0.0.1:0"}, [&](const HttpRequest&) {
    return HttpReply{.body = PageBody{.page = page, .gzip = true}};
  });
  const auto fetched = fetch(server.addresses().at(0), "/metrics");
  EXPECT_EQ(fetched.headers.at("Content-Length"), std::to_string(page->gzip_bytes()));
  ASSERT_EQ(fetched.body.size(), page->gzip_bytes());
  EXPECT_LT(fetched.body.size(), page->checksum.length);
  EXPECT_TRUE(gunzip(fetched.body) == page->text());
}

TEST(Server, TheHandlerSeesWhatAClientAccepts) {
  const Served server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    return HttpReply{.body = request.accept + "|" + request.accept_encoding};
  });
  const auto fetched = fetch(server.addresses().at(0), "/", "GET",
                             {"Accept: a/b;q=0.5", "accept-encoding: gzip", "Accept: c/d"});
  EXPECT_EQ(fetched.body, "a/b;q=0.5,c/d|gzip");
}

TEST(Server, AnEmptyPageIsAnAnswer) {
  const Served server({"127.0.0.1:0"}, [](const HttpRequest&) {
    return HttpReply{.body = PageBody{.page = std::make_shared<const Page>()}};
  });
  const auto fetched = fetch(server.addresses().at(0), "/");
  EXPECT_EQ(fetched.status, 200);
  EXPECT_EQ(fetched.body, "");
}

TEST(Server, AHandlerThatThrowsIsA500WithoutItsWords) {
  const Served server({"127.0.0.1:0"}, [](const HttpRequest& request) -> HttpReply {
    if (request.path == "/bad") throw std::runtime_error("secret");
    return hello(request);
  });
  const auto fetched = fetch(server.addresses().at(0), "/bad");
  EXPECT_EQ(fetched.status, 500);
  EXPECT_EQ(fetched.body, "internal error\n");
  EXPECT_EQ(fetch(server.addresses().at(0), "/").status, 200) << "it goes on";
}

TEST(Server, ManyClientsAtOnceAllGetTheWholePage) {
  const auto page = large_page(2000);
  const auto text = page->text();
  const Served server({"127.0.0.1:0"}, [&](const HttpRequest&) {
    return HttpReply{.body = PageBody{.page = page}};
  });
  const auto address = server.addresses().at(0);
  std::vector<std::jthread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] { EXPECT_TRUE(fetch(address, "/").body == text); });
  }
}

TEST(Server, ServesOnEveryAddress) {
  const Served server({"127.0.0.1:0", "127.0.0.2:0"}, hello);
  ASSERT_EQ(server.addresses().size(), 2U);
  EXPECT_NE(server.addresses()[0], server.addresses()[1]);
  for (const auto& address : server.addresses()) EXPECT_EQ(fetch(address, "/").body, "hello\n");
}

TEST(Server, ServesOnAUnixSocket) {
  std::string directory = testing::TempDir() + "server_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  {
    const Served server({"unix:" + directory + "/s"}, hello);
    EXPECT_EQ(server.addresses().at(0), "unix:" + directory + "/s");
    EXPECT_EQ(fetch(server.addresses().at(0), "/").body, "hello\n");
  }
  std::filesystem::remove_all(directory);
}

TEST(Server, ServesOnIpv6) {
  const Served server({"[::1]:0"}, hello);
  EXPECT_TRUE(server.addresses().at(0).starts_with("[::1]:"));
  EXPECT_EQ(fetch(server.addresses().at(0), "/").body, "hello\n");
}

TEST(Server, APortInUseIsNamed) {
  const Served server({"127.0.0.1:0"}, hello);
  const auto address = server.addresses().at(0);
  try {
    const Served second({"127.0.0.1:0", address}, hello);
    FAIL() << "two servers on " << address;
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "cannot listen on " + address + ": Address already in use");
  }
}

TEST(Server, ItsPortIsFreeWhenItIsGone) {
  auto server = std::make_unique<Served>(std::vector<std::string>{"127.0.0.1:0"}, hello);
  const auto address = server->addresses().at(0);
  server.reset();
  const Served second({address}, hello);
  EXPECT_EQ(fetch(address, "/").body, "hello\n");
}

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// A client that says what it likes, from any address of the loopback.
class RawClient {
 public:
  explicit RawClient(const std::string& address, const std::string& from = "127.0.0.1")
      : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int small = 4096;
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    const timeval patience{.tv_sec = 30, .tv_usec = 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in mine{};
    mine.sin_family = AF_INET;
    inet_pton(AF_INET, from.c_str(), &mine.sin_addr);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    if (bind(descriptor_, reinterpret_cast<const sockaddr*>(&mine), sizeof(mine)) != 0 ||
        connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  ~RawClient() { close(descriptor_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  RawClient& say(std::string_view text) {
    static_cast<void>(::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL));
    return *this;
  }
  // Reads until that was said, or the end.
  std::string hear(std::string_view until) {
    std::string heard;
    std::array<char, 4096> block{};
    while (heard.find(until) == std::string::npos) {
      const auto size = recv(descriptor_, block.data(), block.size(), 0);
      if (size <= 0) break;
      heard.append(block.data(), static_cast<std::size_t>(size));
    }
    return heard;
  }
  // Says no more, and still listens.
  void end() const { shutdown(descriptor_, SHUT_WR); }
  // All until the server ends the connection.
  std::string rest() { return hear("\x01"); }

 private:
  int descriptor_;
};

TEST(Server, AClientThatReadsSlowlyHoldsUpNeitherOthersNorTheEnd) {
  const auto page = endless_page();
  const auto keep = std::make_shared<int>(0);
  auto server = std::make_unique<Served>(
      std::vector<std::string>{"127.0.0.1:0"}, [&](const HttpRequest& request) {
        if (request.path == "/hello") return hello(request);
        return HttpReply{.body = PageBody{.page = page}, .keep = keep};
      });
  RawClient client(server->addresses().at(0));
  EXPECT_TRUE(client.say(kGet).hear("\r\n").starts_with("HTTP/1.1 200 OK"));
  EXPECT_EQ(fetch(server->addresses().at(0), "/hello").body, "hello\n");
  EXPECT_EQ(keep.use_count(), 2) << "under way";
  server.reset();
  EXPECT_EQ(keep.use_count(), 1) << "let go";
}

TEST(Server, WhatIsKeptIsLetGoAfterTheLastByte) {
  const auto page = large_page(100);
  const auto keep = std::make_shared<int>(0);
  {
    const Served server({"127.0.0.1:0"}, [&](const HttpRequest&) {
      return HttpReply{.body = PageBody{.page = page}, .keep = keep};
    });
    for (int i = 0; i < 3; ++i) fetch(server.addresses().at(0), "/");
  }
  EXPECT_EQ(keep.use_count(), 1);
  EXPECT_EQ(page.use_count(), 1);
}

TEST(Server, AClientMayAskAgainOnTheSameConnection) {
  const Served server({"127.0.0.1:0"}, hello);
  RawClient client(server.addresses().at(0));
  for (const std::string_view request :
       {kGet, std::string_view("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"),
        kGet}) {
    const auto answer = client.say(request).hear("hello\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
    EXPECT_EQ(answer.find("Connection: "), std::string::npos) << answer;
  }
  client.say(std::string(kGet) + std::string(kGet));
  EXPECT_TRUE(client.hear("hello\n").ends_with("hello\n"));
}

TEST(Server, AnAnswerThatComesLaterHoldsUpNobody) {
  std::mutex mutex;
  std::vector<Respond> waiting;
  const Served server({"127.0.0.1:0"}, [&](const HttpRequest& request) {
    if (request.path != "/later") return hello(request);
    return HttpReply{.later = [&](Respond respond) {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(respond));
    }};
  });
  const auto address = server.addresses().at(0);
  std::jthread asks([&] {
    const auto fetched = fetch(address, "/later");
    EXPECT_EQ(fetched.status, 202);
    EXPECT_EQ(fetched.body, "now\n");
  });
  const auto is_waiting = [&] {
    const std::lock_guard lock(mutex);
    return !waiting.empty();
  };
  while (!is_waiting()) EXPECT_EQ(fetch(address, "/").body, "hello\n");
  EXPECT_EQ(fetch(address, "/").body, "hello\n");
  waiting.front()({.status = 202, .body = std::string("now\n")});
}

// A hundred one after the other: were each seen only when the server looks around, 20 seconds.
TEST(Server, AnAnswerOfAnotherThreadIsSentWhenItComes) {
  std::mutex mutex;
  std::condition_variable_any came;
  std::optional<Respond> waiting;
  const Served server({"127.0.0.1:0"}, [&](const HttpRequest&) {
    return HttpReply{.later = [&](Respond respond) {
      const std::lock_guard lock(mutex);
      waiting = std::move(respond);
      came.notify_one();
    }};
  });
  std::jthread answers([&](const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (came.wait(lock, stop, [&] { return waiting.has_value(); })) {
      (*std::exchange(waiting, std::nullopt))({.body = std::string("now\n")});
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(fetch(server.addresses().at(0), "/").body, "now\n");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

// It is all there when the server looks: the server is busy until then.
TEST(Server, WhoAsksAndEndsAtOnceIsAnsweredAndLetGo) {
  std::latch is_busy{1};
  std::latch go_on{1};
  const Served server({"127.0.0.1:0"}, [&](const HttpRequest& request) {
    if (request.path == "/busy") {
      is_busy.count_down();
      go_on.wait();
    }
    return hello(request);
  });
  RawClient holds_up(server.addresses().at(0));
  holds_up.say("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
  is_busy.wait();
  RawClient once(server.addresses().at(0));
  RawClient twice(server.addresses().at(0));
  once.say(kGet).end();
  twice.say(std::string(kGet) + std::string(kGet)).end();
  go_on.count_down();
  const auto answers = [](RawClient& client) {
    std::size_t found = 0;
    const auto heard = client.rest();
    for (auto at = heard.find("hello\n"); at != std::string::npos;
         at = heard.find("hello\n", at + 1))
      ++found;
    return found;
  };
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(answers(once), 1U);
  EXPECT_EQ(answers(twice), 2U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "long before it would have to";
}

TEST(Server, AnAnswerMayComeAtOnceAndAfterTheEnd) {
  std::vector<Respond> kept;
  auto server = std::make_unique<Served>(
      std::vector<std::string>{"127.0.0.1:0"}, [&](const HttpRequest& request) {
        return HttpReply{.later = [&kept, path = request.path](Respond respond) {
          if (path == "/") respond({.body = std::string("at once\n")});
          kept.push_back(std::move(respond));
        }};
      });
  const auto address = server->addresses().at(0);
  RawClient waits(address);
  waits.say("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(fetch(address, "/").body, "at once\n");
  server.reset();
  EXPECT_EQ(waits.rest(), "");
  for (const auto& respond : kept) respond({.body = std::string("too late\n")});
}

TEST(Server, WhatIsTooLargeIsRefusedInWords) {
  const Served server({"127.0.0.1:0"}, hello);
  const auto address = server.addresses().at(0);
  const auto ask = [&](const std::string& request) {
    RawClient client(address);
    const auto answer = client.say(request).rest();
    return answer.substr(0, answer.find("\r\n"));
  };
  EXPECT_EQ(ask("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"),
            "HTTP/1.1 414 URI Too Long");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: x\r\nX-Pad: " + std::string(16400, 'a') + "\r\n\r\n"),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: x\r\nX-Pad: " + std::string(200000, 'a') + "\r\n\r\n"),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n"),
            "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(server.refused(), (Served::Refused{{Refusal::too_large, 3}}));
}

TEST(Server, ABodyWithoutAnEndIsCutOff) {
  const Served server({"127.0.0.1:0"}, hello);
  RawClient client(server.addresses().at(0));
  client.say("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const auto chunk = "1000\r\n" + std::string(0x1000, 'a') + "\r\n";
  for (int i = 0; i < 17; ++i) client.say(chunk);
  EXPECT_EQ(client.rest(), "");
}

TEST(Server, WhoSendsOrReadsTooSlowlyIsCutOff) {
  using std::chrono::milliseconds;
  const auto page = endless_page();
  const Served server({"127.0.0.1:0"},
                      [&](const HttpRequest& request) {
                        if (request.path == "/hello") return hello(request);
                        return HttpReply{.body = PageBody{.page = page}};
                      },
                      {.request_time = milliseconds{300}, .answer_time = milliseconds{600}});
  const auto address = server.addresses().at(0);
  RawClient says_nothing(address);
  RawClient says_little(address);
  RawClient no_body(address);
  RawClient reads_nothing(address);
  says_little.say("GET / HTTP/1.1\r\nHost:");
  no_body.say("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na");
  reads_nothing.say(kGet);
  EXPECT_EQ(says_nothing.rest(), "");
  EXPECT_EQ(says_little.rest(), "");
  EXPECT_EQ(no_body.rest(), "");
  while (server.connections.size() > 0) std::this_thread::sleep_for(milliseconds{10});
  EXPECT_LT(reads_nothing.rest().size(), page->checksum.length);
  EXPECT_EQ(server.refused(), (Served::Refused{{Refusal::too_slow, 4}}));
}

TEST(Server, AnAddressThatHasAsManyConnectionsAsItMayGetsNoMore) {
  const Served server({"127.0.0.1:0"}, hello, {.per_address = 2});
  const auto address = server.addresses().at(0);
  RawClient first(address, "127.0.0.2");
  RawClient second(address, "127.0.0.2");
  EXPECT_NE(first.say(kGet).hear("hello\n"), "");
  EXPECT_NE(second.say(kGet).hear("hello\n"), "");
  EXPECT_EQ(RawClient(address, "127.0.0.2").say(kGet).rest(), "");
  EXPECT_EQ(fetch(address, "/").body, "hello\n") << "another address";
  EXPECT_EQ(server.refused(), (Served::Refused{{Refusal::too_many_from_address, 1}}));
}

TEST(Server, SlowReadersOfOneAddressMakeRoomForAnother) {
  const auto page = endless_page();
  const Served server({"127.0.0.1:0"},
                      [&](const HttpRequest& request) {
                        if (request.crowded) return HttpReply{.status = 503};
                        return HttpReply{.body = PageBody{.page = page}};
                      },
                      {.answers = 2});
  const auto address = server.addresses().at(0);
  RawClient first(address, "127.0.0.2");
  RawClient second(address, "127.0.0.2");
  EXPECT_NE(first.say(kGet).hear("200 OK"), "");
  EXPECT_NE(second.say(kGet).hear("200 OK"), "");
  RawClient third(address, "127.0.0.2");
  EXPECT_TRUE(third.say(kGet).hear("\r\n\r\n").starts_with("HTTP/1.1 503"));
  EXPECT_EQ(fetch(address, "/").body.size(), page->checksum.length);
  EXPECT_EQ(server.refused(),
            (Served::Refused{{Refusal::too_many_answers, 1}, {Refusal::pushed_out, 1}}));
}

}  // namespace
}  // namespace serverless::daemon
