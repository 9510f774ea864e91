-- Posts the bodies of a Lua table file in turn; prints latencies and the number of each status as one line of JSON.
-- wrk -s wrk.lua URL -- BODIES.lua

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  requests, place, counts = {}, 0, {}
  for number, body in ipairs(dofile(args[1])) do
    requests[number] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function response(status)
  local name = tostring(status)
  counts[name] = (counts[name] or 0) + 1
end

function done(summary, latency)
  local statuses = {}
  for _, thread in ipairs(threads) do
    for name, count in pairs(thread:get("counts")) do
      table.insert(statuses, string.format('"%s": %d', name, count))
    end
  end
  local errors = summary.errors
  print(string.format(
    '{"seconds": %f, "p50": %f, "p99": %f, "errors": %d, "statuses": {%s}}',
    summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout, table.concat(statuses, ", ")
  ))
end
