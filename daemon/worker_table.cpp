#include "daemon/worker_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "daemon/derived.hpp"
#include "daemon/html.hpp"
#include "daemon/wording.hpp"

namespace serverless::daemon {
namespace {

constexpr std::size_t kWorkersAPage = 100;

std::string option(std::string_view value, std::string_view text, bool chosen) {
  return fmt::format(R"(<option value="{}"{}>{}</option>)", value, chosen ? " selected" : "", text);
}

std::string hidden(std::string_view name, std::string_view value) {
  if (value.empty()) return "";
  return fmt::format(R"(<input type="hidden" name="{}" value="{}">)", name, escape_html(value));
}

// A second press on the same column turns its order round.
std::string column(const WorkerQuery& query, WorkerQuery::Sort sort, std::string_view title) {
  WorkerQuery next = query;
  const bool is = query.sort == sort;
  next.sort = sort;
  next.descending = is && !query.descending;
  const auto order = query.descending ? "descending" : "ascending";
  return fmt::format("<th scope=\"col\" role=\"columnheader\"{}>{}</th>",
                     is ? fmt::format(" aria-sort=\"{}\"", order) : "",
                     link(url_of(next), fmt::format("{}{}", title,
                                                    !is                ? ""
                                                    : query.descending ? " \u25be"
                                                                       : " \u25b4")));
}

std::string cell(std::string_view label, const std::string& value) {
  return fmt::format("<td role=\"cell\" data-label=\"{}\">{}</td>", label, value);
}

std::string since_text(const WorkerState& worker, Time now) {
  if (worker.status_since == Time{}) return "";
  const double seconds = std::chrono::duration<double>(now - worker.status_since).count();
  return fmt::format("{}{}", worker.change_seen ? "" : "at least ", span_text(seconds));
}

std::string worker_row(const FoundWorker& found, Now now) {
  const WorkerState& worker = *found.worker;
  const EndpointState& endpoint = *found.endpoint;
  const auto& reported = worker.reported;
  constexpr auto kJoined = static_cast<Needs>(bit(Source::workers) | bit(Source::instances));
  const bool joined = is_served(endpoint, kJoined, false, now.mono);
  const auto* instance = joined ? instance_of(worker, endpoint) : nullptr;
  const auto either = [&](const std::string& own, std::string Instance::*theirs) {
    return isolate(own.empty() && instance != nullptr ? instance->*theirs : own);
  };
  const auto status = found.status_known
                          ? swatch(name(worker.status)) + std::string(name(worker.status))
                          : "not known";
  std::string native;
  if (reported.native_status != name(worker.status)) {
    native = fmt::format(" <small>{}</small>", isolate(reported.native_status));
  }
  return fmt::format(
      "<tr role=\"row\">{}{}{}{}{}{}{}{}</tr>\n", cell("Status", status + native),
      cell("Worker",
           isolate(reported.id) +
               (reported.name.empty() ? ""
                                      : fmt::format(" <small>{}</small>", isolate(reported.name)))),
      cell("Endpoint", isolate(endpoint.info.name.empty() ? endpoint.info.id : endpoint.info.name) +
                           fmt::format(" <small>{}</small>", isolate(found.account->state.name))),
      cell("For", found.status_known ? since_text(worker, now.wall) : ""),
      cell("Stale", is_stale(worker.staleness) ? std::string(name(worker.staleness)) : ""),
      cell("Load", reported.cur_load ? number_text(*reported.cur_load) : ""),
      cell("GPU", either(reported.gpu_type, &Instance::gpu_type)),
      cell("Place", either(reported.location, &Instance::location)));
}

std::string filter_text(const WorkerQuery& query) {
  std::string out;
  if (!query.account.empty()) out += " of account " + isolate(query.account);
  if (!query.endpoint.empty()) out += " at endpoint " + isolate(query.endpoint);
  if (!query.provider.empty()) out += " at provider " + isolate(query.provider);
  return out;
}

}  // namespace

TableQuery table_query(Arguments arguments) {
  TableQuery asked;
  for (const auto& [name, value] : arguments) {
    const auto taken = take_argument(asked.query, name, value);
    if (!taken) asked.problem = taken.error();
    if (name != "page") continue;
    std::size_t page = 0;
    std::from_chars(value.data(), value.data() + value.size(), page);
    asked.page = page > 0 ? page - 1 : 0;
  }
  if (asked.query.sort == WorkerQuery::Sort::none) asked.query.sort = WorkerQuery::Sort::worst;
  return asked;
}

std::string url_of(const WorkerQuery& query, std::size_t page) {
  std::string url = "/";
  url = with_argument(url, "text", query.text);
  if (query.status) url = with_argument(url, "status", name(*query.status));
  if (query.stale) url = with_argument(url, "stale", *query.stale ? "true" : "false");
  url = with_argument(url, "provider", query.provider);
  url = with_argument(url, "account", query.account);
  url = with_argument(url, "endpoint", query.endpoint);
  url = with_argument(url, "sort", kSortNames[static_cast<std::size_t>(query.sort)]);
  if (query.descending) url = with_argument(url, "order", "desc");
  if (page > 0) url = with_argument(url, "page", std::to_string(page + 1));
  return url + "#workers";
}

std::string filter_form(const WorkerQuery& query) {
  std::string statuses = option("", "any", !query.status);
  for (const auto status : kStatusNames) {
    statuses += option(status, status, query.status && name(*query.status) == status);
  }
  const std::string stale = option("", "any", !query.stale) +
                            option("true", "only stale", query.stale == true) +
                            option("false", "not stale", query.stale == false);
  return fmt::format(
      "<form id=\"filter\" action=\"/#workers\" method=\"get\" role=\"search\" "
      "aria-label=\"Filter workers\">\n"
      "<label>Text <input type=\"search\" name=\"text\" value=\"{}\" maxlength=\"200\" "
      "autocomplete=\"off\" spellcheck=\"false\"></label>\n"
      "<label>Status <select name=\"status\">{}</select></label>\n"
      "<label>Stale <select name=\"stale\">{}</select></label>\n{}{}{}{}{}"
      "<button>Filter</button> {}\n</form>\n",
      escape_html(query.text), statuses, stale, hidden("provider", query.provider),
      hidden("account", query.account), hidden("endpoint", query.endpoint),
      hidden("sort", kSortNames[static_cast<std::size_t>(query.sort)]),
      query.descending ? hidden("order", "desc") : "", link("/#workers", "all workers"));
}

std::string worker_table(const Pages& pages, const TableQuery& asked, std::size_t unlisted,
                         Now now) {
  using Sort = WorkerQuery::Sort;
  const auto& query = asked.query;
  const auto found = find_workers(pages, query, now.mono);
  std::string out;
  if (!asked.problem.empty()) {
    out += fmt::format("<p class=\"note\">{}</p>\n", isolate(asked.problem));
  }
  const auto last = found.empty() ? 0 : (found.size() - 1) / kWorkersAPage;
  const auto page = std::min(asked.page, last);
  const auto first = page * kWorkersAPage;
  const auto end = std::min(first + kWorkersAPage, found.size());
  std::string shown = found.empty() ? "No worker" : plural(found.size(), "worker", "workers");
  if (end - first < found.size()) shown += fmt::format(", {} to {} shown", first + 1, end);
  out += fmt::format("<p role=\"status\">{}{}.</p>\n", shown, filter_text(query));
  if (unlisted > 0) {
    out += fmt::format("<p class=\"note\">{}, whose list is too old or missing.</p>\n",
                       plural(unlisted, "endpoint is left out", "endpoints are left out"));
  }
  if (found.empty()) return out;
  out += fmt::format(
      "<table role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">{}{}{}{}"
      "<th scope=\"col\" role=\"columnheader\">Stale</th>{}"
      "<th scope=\"col\" role=\"columnheader\">GPU</th>"
      "<th scope=\"col\" role=\"columnheader\">Place</th></tr></thead>\n"
      "<tbody role=\"rowgroup\">\n",
      column(query, Sort::status, "Status"), column(query, Sort::worker, "Worker"),
      column(query, Sort::endpoint, "Endpoint"), column(query, Sort::since, "For"),
      column(query, Sort::load, "Load"));
  for (auto at = first; at < end; ++at) out += worker_row(found[at], now);
  out += "</tbody></table>\n";
  if (last > 0) {
    out += fmt::format(
        "<nav class=\"pages\" aria-label=\"Pages of workers\">{} <span>page {} of {}</span> "
        "{}</nav>\n",
        page > 0 ? link(url_of(query, page - 1), "previous") : "", page + 1, last + 1,
        page < last ? link(url_of(query, page + 1), "next") : "");
  }
  return out;
}

}  // namespace serverless::daemon
