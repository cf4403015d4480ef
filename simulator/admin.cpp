#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "simulator/world.hpp"

namespace simulator {
namespace {

Reply ok() {
  Reply reply;
  reply.body = R"({"ok":true})";
  return reply;
}

Reply error(int status, std::string_view what) {
  Reply reply;
  reply.status = status;
  reply.body = fmt::format(R"({{"error":{}}})", quoted(what));
  return reply;
}

Reply answer(std::string body) {
  Reply reply;
  reply.body = std::move(body);
  return reply;
}

Reply add_fault(const Request& request, World& world) {
  const auto added = world.faults().add(request.query);
  if (const auto* what = std::get_if<std::string>(&added)) return error(400, *what);
  return answer(fmt::format(R"({{"id":{}}})", std::get<int>(added)));
}

Reply remove_fault(const Request& request, World& world) {
  const auto id = number_in(request.query, "id");
  if (!id || !world.faults().remove(static_cast<int>(*id))) return error(404, "no such fault");
  return ok();
}

Reply remove_faults(const Request&, World& world) {
  world.faults().clear();
  return ok();
}

Reply list_faults(const Request&, World& world) { return answer(world.faults().list()); }

Reply freeze(const Request&, World& world) {
  world.freeze();
  return ok();
}

Reply thaw(const Request&, World& world) {
  world.thaw();
  return ok();
}

Reply advance(const Request& request, World& world) {
  const auto seconds = number_in(request.query, "seconds");
  if (!seconds) return error(400, "seconds is missing or not a number");
  world.advance(*seconds);
  return ok();
}

Reply skew(const Request& request, World& world) {
  const auto seconds = number_in(request.query, "seconds");
  if (!seconds) return error(400, "seconds is missing or not a number");
  world.set_skew(*seconds);
  return ok();
}

Reply key(const Request& request, World& world) {
  const std::string added = text_in(request.query, "add");
  const std::string removed = text_in(request.query, "remove");
  if (added.empty() && removed.empty()) return error(400, "add or remove is missing");
  if (!added.empty()) world.add_key(added);
  if (!removed.empty()) world.remove_key(removed);
  return ok();
}

Reply limits(const Request& request, World& world) {
  const std::string enforce = text_in(request.query, "enforce");
  if (enforce != "true" && enforce != "false") return error(400, "enforce is true or false");
  world.limits().enforce(enforce == "true");
  return ok();
}

/// Changes the controls for the id that the request gives.
template <class Edit>
Reply edit(const Request& request, World& world, Edit&& change) {
  const std::string id = text_in(request.query, "id");
  if (id.empty()) return error(400, "id is missing");
  world.change([&](Controls& controls) { change(controls, id); });
  return ok();
}

Reply remove_endpoint(const Request& request, World& world) {
  const Time now = world.view().now;
  return edit(request, world, [&](Controls& controls, const std::string& id) {
    controls.removed_endpoints.try_emplace(id, now);
  });
}

Reply restore_endpoint(const Request& request, World& world) {
  return edit(request, world, [](Controls& controls, const std::string& id) {
    controls.removed_endpoints.erase(id);
  });
}

Reply remove_worker(const Request& request, World& world) {
  return edit(request, world, [](Controls& controls, const std::string& id) {
    controls.removed_workers.insert(id);
  });
}

Reply restore_worker(const Request& request, World& world) {
  return edit(request, world, [](Controls& controls, const std::string& id) {
    controls.removed_workers.erase(id);
  });
}

Reply set_worker(const Request& request, World& world) {
  const std::string status = text_in(request.query, "status");
  return edit(request, world, [&](Controls& controls, const std::string& id) {
    if (status.empty()) {
      controls.statuses.erase(id);
    } else {
      controls.statuses[id] = status;
    }
  });
}

Reply show_truth(const Request& request, World& world) {
  return answer(truth(world.view(), text_in(request.query, "api")));
}

Reply show_requests(const Request& request, World& world) {
  return answer(world.requests_since(
      static_cast<std::uint64_t>(std::max(0.0, number_in(request.query, "since").value_or(0)))));
}

Reply show_stats(const Request&, World& world) { return answer(world.stats()); }

struct Route {
  std::string_view method{};
  std::string_view path{};
  Reply (*run)(const Request&, World&) = nullptr;
};

constexpr std::array kRoutes{Route{"POST", "/fault", add_fault},
                             Route{"DELETE", "/fault", remove_fault},
                             Route{"DELETE", "/faults", remove_faults},
                             Route{"GET", "/faults", list_faults},
                             Route{"POST", "/freeze", freeze},
                             Route{"POST", "/thaw", thaw},
                             Route{"POST", "/advance", advance},
                             Route{"POST", "/skew", skew},
                             Route{"POST", "/key", key},
                             Route{"POST", "/limits", limits},
                             Route{"POST", "/remove_endpoint", remove_endpoint},
                             Route{"POST", "/restore_endpoint", restore_endpoint},
                             Route{"POST", "/remove_worker", remove_worker},
                             Route{"POST", "/restore_worker", restore_worker},
                             Route{"POST", "/set_worker", set_worker},
                             Route{"GET", "/truth", show_truth},
                             Route{"GET", "/requests", show_requests},
                             Route{"GET", "/stats", show_stats}};

}  // namespace

Reply admin(const Request& request, World& world) {
  bool known = false;
  for (const Route& route : kRoutes) {
    if (route.path != request.path) continue;
    known = true;
    if (route.method == request.method) return route.run(request, world);
  }
  return known ? error(405, "method not allowed") : error(404, "no such admin route");
}

}  // namespace simulator
