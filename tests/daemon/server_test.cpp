#include "daemon/server.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/daemon/gunzip.hpp"

namespace serverless::daemon {
namespace {

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

TEST(Server, AnswersWithTheHandlersText) {
  const Server server({"127.0.0.1:0"}, [](const HttpRequest& request) {
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
  const Server server({"127.0.0.1:0"}, [](const HttpRequest& request) {
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
  const Server server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    return HttpReply{.body = StreamBody{.next = counting(20000), .gzip = request.path == "/gzip"}};
  });
  EXPECT_TRUE(fetch(server.addresses().at(0), "/plain").body == counted(20000));
  EXPECT_TRUE(gunzip(fetch(server.addresses().at(0), "/gzip").body) == counted(20000));
  EXPECT_EQ(fetch(server.addresses().at(0), "/plain", "HEAD").body, "");
}

TEST(Server, AStreamThatFailsIsCutOffAndTheServerGoesOn) {
  const Server server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    if (request.path == "/good") return hello(request);
    return HttpReply{
        .body = StreamBody{.next = []() -> std::string { throw std::runtime_error("a bug"); }}};
  });
  EXPECT_THROW(fetch(server.addresses().at(0), "/bad"), std::runtime_error);
  EXPECT_EQ(fetch(server.addresses().at(0), "/good").body, "hello\n");
}

TEST(Server, EveryAnswerSaysWhatABrowserMayDoWithIt) {
  const Server server({"127.0.0.1:0"}, &hello);
  const auto headers = fetch(server.addresses().at(0), "/").headers;
  EXPECT_EQ(headers.at("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(headers.at("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(headers.at("Content-Security-Policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
}

TEST(Server, EveryMethodReachesTheHandler) {
  const Server server({"127.0.0.1:0"}, [](const HttpRequest& request) {
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
  const Server server({"127.0.0.1:0"}, [&](const HttpRequest& request) {
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
  const Server server({"127.0.0.1:0"}, [&](const HttpRequest&) {
    return HttpReply{.body = PageBody{.page = page}};
  });
  const auto fetched = fetch(server.addresses().at(0), "/metrics");
  EXPECT_EQ(fetched.headers.at("Content-Length"), std::to_string(page->checksum.length));
  EXPECT_TRUE(fetched.body == page->text()) << fetched.body.size();
}

TEST(Server, APageIsOneGzipStreamForWhoWantsIt) {
  const auto page = large_page(20000);
  const Server server({"127.0.0.1:0"}, [&](const HttpRequest&) {
    return HttpReply{.body = PageBody{.page = page, .gzip = true}};
  });
  const auto fetched = fetch(server.addresses().at(0), "/metrics");
  EXPECT_EQ(fetched.headers.at("Content-Length"), std::to_string(page->gzip_bytes()));
  ASSERT_EQ(fetched.body.size(), page->gzip_bytes());
  EXPECT_LT(fetched.body.size(), page->checksum.length);
  EXPECT_TRUE(gunzip(fetched.body) == page->text());
}

TEST(Server, TheHandlerSeesWhatAClientAccepts) {
  const Server server({"127.0.0.1:0"}, [](const HttpRequest& request) {
    return HttpReply{.body = request.accept + "|" + request.accept_encoding};
  });
  const auto fetched = fetch(server.addresses().at(0), "/", "GET",
                             {"Accept: a/b;q=0.5", "accept-encoding: gzip", "Accept: c/d"});
  EXPECT_EQ(fetched.body, "a/b;q=0.5,c/d|gzip");
}

TEST(Server, AnEmptyPageIsAnAnswer) {
  const Server server({"127.0.0.1:0"}, [](const HttpRequest&) {
    return HttpReply{.body = PageBody{.page = std::make_shared<const Page>()}};
  });
  const auto fetched = fetch(server.addresses().at(0), "/");
  EXPECT_EQ(fetched.status, 200);
  EXPECT_EQ(fetched.body, "");
}

TEST(Server, AHandlerThatThrowsIsA500WithoutItsWords) {
  const Server server({"127.0.0.1:0"}, [](const HttpRequest& request) -> HttpReply {
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
  const Server server({"127.0.0.1:0"}, [&](const HttpRequest&) {
    return HttpReply{.body = PageBody{.page = page}};
  });
  const auto address = server.addresses().at(0);
  std::vector<std::jthread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] { EXPECT_TRUE(fetch(address, "/").body == text); });
  }
}

TEST(Server, ServesOnEveryAddress) {
  const Server server({"127.0.0.1:0", "127.0.0.1:0"}, hello);
  ASSERT_EQ(server.addresses().size(), 2U);
  EXPECT_NE(server.addresses()[0], server.addresses()[1]);
  for (const auto& address : server.addresses()) EXPECT_EQ(fetch(address, "/").body, "hello\n");
}

TEST(Server, ServesOnAUnixSocket) {
  std::string directory = testing::TempDir() + "server_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  {
    const Server server({"unix:" + directory + "/s"}, hello);
    EXPECT_EQ(server.addresses().at(0), "unix:" + directory + "/s");
    EXPECT_EQ(fetch(server.addresses().at(0), "/").body, "hello\n");
  }
  std::filesystem::remove_all(directory);
}

bool has_ipv6_loopback() {
  const int descriptor = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool bound =
      bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(descriptor);
  return bound;
}

TEST(Server, ServesOnIpv6) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "this machine has no ::1";
  const Server server({"[::1]:0"}, hello);
  EXPECT_TRUE(server.addresses().at(0).starts_with("[::1]:"));
  EXPECT_EQ(fetch(server.addresses().at(0), "/").body, "hello\n");
}

TEST(Server, APortInUseIsNamed) {
  const Server server({"127.0.0.1:0"}, hello);
  const auto address = server.addresses().at(0);
  try {
    const Server second({"127.0.0.1:0", address}, hello);
    FAIL() << "two servers on " << address;
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "cannot listen on " + address + ": Address already in use");
  }
}

TEST(Server, ItsPortIsFreeWhenItIsGone) {
  auto server = std::make_unique<Server>(std::vector<std::string>{"127.0.0.1:0"}, hello);
  const auto address = server->addresses().at(0);
  server.reset();
  const Server second({address}, hello);
  EXPECT_EQ(fetch(address, "/").body, "hello\n");
}

// A client that asks for a page and reads only its first bytes.
class SlowReader {
 public:
  explicit SlowReader(const std::string& address)
      : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int small = 4096;
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 ||
        ::send(descriptor_, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) {
      throw std::runtime_error("cannot connect");
    }
    std::array<char, 16> first{};
    got_ = recv(descriptor_, first.data(), first.size(), 0);
  }
  ~SlowReader() { close(descriptor_); }
  SlowReader(const SlowReader&) = delete;
  SlowReader& operator=(const SlowReader&) = delete;
  [[nodiscard]] ssize_t got() const { return got_; }

 private:
  int descriptor_;
  ssize_t got_ = 0;
};

TEST(Server, AClientThatReadsSlowlyHoldsUpNeitherOthersNorTheEnd) {
  const auto page = large_page(80000);
  const auto keep = std::make_shared<int>(0);
  auto server = std::make_unique<Server>(
      std::vector<std::string>{"127.0.0.1:0"}, [&](const HttpRequest& request) {
        if (request.path == "/hello") return hello(request);
        return HttpReply{.body = PageBody{.page = page}, .keep = keep};
      });
  const SlowReader client(server->addresses().at(0));
  EXPECT_GT(client.got(), 0);
  EXPECT_EQ(fetch(server->addresses().at(0), "/hello").body, "hello\n");
  EXPECT_EQ(keep.use_count(), 2) << "under way";
  server.reset();
  EXPECT_EQ(keep.use_count(), 1) << "let go";
}

TEST(Server, WhatIsKeptIsLetGoAfterTheLastByte) {
  const auto page = large_page(100);
  const auto keep = std::make_shared<int>(0);
  {
    const Server server({"127.0.0.1:0"}, [&](const HttpRequest&) {
      return HttpReply{.body = PageBody{.page = page}, .keep = keep};
    });
    for (int i = 0; i < 3; ++i) fetch(server.addresses().at(0), "/");
  }
  EXPECT_EQ(keep.use_count(), 1);
  EXPECT_EQ(page.use_count(), 1);
}

}  // namespace
}  // namespace serverless::daemon
