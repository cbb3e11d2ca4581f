-- Send the tokens of a file one after the other. Arguments: file, line width, first line.
local tokens, head

function init(args)
  tokens = assert(io.open(args[1], "r"))
  tokens:seek("set", tonumber(args[3]) * (tonumber(args[2]) + 1))
  head = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nAuthorization: Bearer "
end

function request()
  local token = tokens:read("*l")
  if not token then
    tokens:seek("set", 0)
    token = tokens:read("*l")
  end
  return head .. token .. "\r\n\r\n"
end
