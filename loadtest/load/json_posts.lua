-- Workload J for wrk: 500-byte JSON POSTs from 1,000 users, made before the clock runs.

local users = 1000
local body_bytes = 500
local before = '{"model":"m","messages":[{"role":"user","content":"'
local after = '"}],"max_tokens":64}'
local requests = {}
local turn = 0

function init(args)
  local filler = string.rep("x", body_bytes - #before - #after)
  for user = 1, users do
    local headers = {
      ["content-type"] = "application/json",
      ["x-user-id"] = string.format("user-%04d", user),
    }
    requests[user] = wrk.format(
      "POST", "/v1/chat/completions", headers, before .. filler .. after)
  end
end

function request()
  turn = turn % users + 1
  return requests[turn]
end

-- One line of JSON for loadtest/load/wrk.py; wrk itself prints for people.
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\nSUMMARY {"requests":%d,"duration_s":%.6f,"bad_status":%d,' ..
    '"broken":%d,"p50_us":%.1f,"p99_us":%.1f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
