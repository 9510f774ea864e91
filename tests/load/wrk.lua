-- Posts the bodies of a Lua table file in turn; prints latencies, the number of each status, and how many answers of
-- 200 came after the first LEAD seconds, as one line of JSON.
-- wrk -s wrk.lua URL -- BODIES.lua LEAD

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int clock, moment *now);")

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local moment = ffi.new("moment")

local function now()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

function init(args)
  requests, place, counts, measured, begin = {}, 0, {}, 0, now() + tonumber(args[2])
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
  if status == 200 and now() >= begin then
    measured = measured + 1
  end
end

function done(summary, latency)
  local statuses, measured = {}, 0
  for _, thread in ipairs(threads) do
    measured = measured + thread:get("measured")
    for name, count in pairs(thread:get("counts")) do
      table.insert(statuses, string.format('"%s": %d', name, count))
    end
  end
  local errors = summary.errors
  print(string.format(
    '{"seconds": %f, "measured": %d, "p50": %f, "p99": %f, "errors": %d, "statuses": {%s}}',
    summary.duration / 1e6, measured, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout, table.concat(statuses, ", ")
  ))
end
