"""What Redis does in one step, and the names of its keys.

A cluster is not supported: a script uses keys that belong together, and finds some of them itself.
Times are in seconds since the epoch, as decimals; lifetimes are in milliseconds.
"""

from hashlib import sha256
from math import ceil
from typing import Final

from gateway.login.session import Session
from gateway.login.stores.redis_commands import Script

# Ends a session, and takes it off the lists that it is on.
_END: Final = """\
local function finish(sessions, everyone, id)
  local lists = redis.call('HMGET', sessions .. id, 'of_subject', 'of_sid')
  if redis.call('DEL', sessions .. id) == 0 then return 0 end
  for _, list in ipairs({lists[1] or everyone, lists[2] or everyone, everyone}) do
    redis.call('ZREM', list, id)
  end
  return 1
end
"""

# KEYS: the session, the lists of its subject, its sid (may be the same) and everyone, the ends of
# the subject and the sid. ARGV: id, sealed, version, used, begun, ends, life, issuer, prefix of
# sessions, now, most of one subject. Returns false if it was ended, else the id it displaced or ''.
BEGIN: Final = Script(
    _END
    + """\
local id, begun, ends, life = ARGV[1], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local issuer, sessions, now, most = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
for n = 5, 6 do
  local before = redis.call('GET', KEYS[n])
  if before and begun < tonumber(before) then return false end
end
local displaced = ''
if redis.call('ZCOUNT', KEYS[2], now, '+inf') >= most then
  local count, oldest, oldest_used = 0, '', math.huge
  for _, other in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local fields = redis.call('HMGET', sessions .. other, 'issuer', 'used')
    if not fields[1] then redis.call('ZREM', KEYS[2], other)
    elseif fields[1] == issuer then
      count = count + 1
      if tonumber(fields[2]) < oldest_used then oldest, oldest_used = other, tonumber(fields[2]) end
    end
  end
  if count >= most then
    displaced = oldest
    finish(sessions, KEYS[4], oldest)
  end
end
-- First of all, for Redis looks at its memory before the first change of a script alone.
redis.call('HSET', KEYS[1], 'sealed', ARGV[2], 'version', ARGV[3], 'used', ARGV[4],
  'begun', ARGV[5], 'issuer', issuer, 'of_subject', KEYS[2], 'of_sid', KEYS[3])
redis.call('PEXPIRE', KEYS[1], life)
for n = 2, 4 do
  redis.call('ZREMRANGEBYSCORE', KEYS[n], '-inf', now)
  redis.call('ZADD', KEYS[n], ends, id)
  local left = math.ceil((tonumber(ends) - tonumber(now)) * 1000)
  redis.call('PEXPIRE', KEYS[n], math.max(1, left, redis.call('PTTL', KEYS[n])))
end
return displaced
"""
)

# KEYS: the session. ARGV: version, sealed. Returns false, or what is kept now: sealed, used.
REPLACE: Final = Script(
    """\
local version = redis.call('HGET', KEYS[1], 'version')
if not version then return false end
if tonumber(version) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'sealed', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'sealed', 'used')
"""
)

# KEYS: the session. ARGV: used, life, idle.
TOUCH: Final = Script(
    """\
local used, now = tonumber(redis.call('HGET', KEYS[1], 'used')), tonumber(ARGV[1])
if not used or used >= now or used + tonumber(ARGV[3]) <= now then return 0 end
redis.call('HSET', KEYS[1], 'used', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
)

# KEYS: the list of everyone. ARGV: prefix of sessions, id. Returns 1 if there was one.
END: Final = Script(_END + "return finish(ARGV[1], KEYS[1], ARGV[2])\n")

# KEYS: a list, the list of everyone, the end to remember. ARGV: prefix of sessions, issuer, before
# when those on the list began, before when others did, life of the end. Returns ids.
END_ALL: Final = Script(
    _END
    + """\
local ended = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local fields = redis.call('HMGET', ARGV[1] .. id, 'issuer', 'begun')
  if not fields[1] then redis.call('ZREM', KEYS[1], id)
  elseif fields[1] == ARGV[2] and tonumber(fields[2]) < tonumber(ARGV[3]) then
    finish(ARGV[1], KEYS[2], id)
    ended[#ended + 1] = id
  end
end
local before, former = ARGV[4], redis.call('GET', KEYS[3])
if former and tonumber(former) > tonumber(before) then before = former end
local life = math.max(tonumber(ARGV[5]), redis.call('PTTL', KEYS[3]))
redis.call('SET', KEYS[3], before, 'PX', life)
return ended
"""
)

# KEYS: the end to remember, the successor to forget. ARGV: life. Returns 1 if it had not ended.
END_ONE: Final = Script(
    """\
local had_ended = redis.call('EXISTS', KEYS[1])
local life = math.max(tonumber(ARGV[1]), redis.call('PTTL', KEYS[1]))
redis.call('SET', KEYS[1], 1, 'PX', life)
redis.call('DEL', KEYS[2])
return 1 - had_ended
"""
)

# KEYS: since when ends are remembered, the ends of the session, its subject and its sid, and its
# successor. ARGV: begun, since when if that is not known; to succeed also version, sealed, life.
# Returns false if it has ended, else the successor, sealed, or ''.
STANDING: Final = Script(
    """\
local begun, since = tonumber(ARGV[1]), redis.call('GET', KEYS[1])
if not since then
  since = ARGV[2]
  redis.call('SET', KEYS[1], since)
end
if begun < tonumber(since) or redis.call('EXISTS', KEYS[2]) == 1 then return false end
for n = 3, 4 do
  local before = redis.call('GET', KEYS[n])
  if before and begun < tonumber(before) then return false end
end
local known = redis.call('HMGET', KEYS[5], 'version', 'sealed')
if ARGV[3] and (not known[1] or tonumber(known[1]) < tonumber(ARGV[3])) then
  redis.call('HSET', KEYS[5], 'version', ARGV[3], 'sealed', ARGV[4])
  redis.call('PEXPIRE', KEYS[5], ARGV[5])
  return ARGV[4]
end
return known[2] or ''
"""
)

# KEYS: a lock. ARGV: the ticket.
UNLOCK: Final = Script(
    """\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
)


class Names:
    """The names of keys in Redis, which all begin with *prefix*.

    They tell no cookie and no subject: these are hashed. Somebody who can read Redis and guesses a
    subject can tell whether that subject has a session.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode() + b"login:"
        self.sessions = self._prefix + b"session:"
        self.everyone = self._prefix + b"sessions"
        self.since = self._prefix + b"since"

    def session(self, session_id: bytes) -> bytes:
        """Return the key of a session."""
        return self.sessions + session_id.hex().encode()

    def of_subject(self, subject: str) -> bytes:
        """Return the key of the list of a subject, at whichever issuer."""
        return self._prefix + b"subject:" + _hash(subject)

    def of_sid(self, issuer: str, sid: str) -> bytes:
        """Return the key of the list of a provider's session."""
        return self._prefix + b"sid:" + _hash(issuer, sid)

    def ended(self, session_id: bytes) -> bytes:
        """Return the key of the end of one session."""
        return self._prefix + b"ended:session:" + session_id.hex().encode()

    def ended_subject(self, issuer: str, subject: str) -> bytes:
        """Return the key of the end of a subject's sessions."""
        return self._prefix + b"ended:subject:" + _hash(issuer, subject)

    def ended_sid(self, issuer: str, sid: str) -> bytes:
        """Return the key of the end of a provider's session."""
        return self._prefix + b"ended:sid:" + _hash(issuer, sid)

    def ends_of(self, session: Session) -> list[bytes]:
        """Return the keys of the ends of a session's subject and sid."""
        by_subject = self.ended_subject(session.issuer, session.subject)
        if session.sid is None:
            return [by_subject, by_subject]
        return [by_subject, self.ended_sid(session.issuer, session.sid)]

    def successor(self, session_id: bytes) -> bytes:
        """Return the key of the version that replaced another one."""
        return self._prefix + b"successor:" + session_id.hex().encode()

    def used(self, token: bytes) -> bytes:
        """Return the key of a token that is used once."""
        return self._prefix + b"used:" + sha256(token).hexdigest().encode()

    def lock(self, session_id: bytes) -> bytes:
        """Return the key of the lock of a session."""
        return self._prefix + b"lock:" + session_id.hex().encode()


def milliseconds(seconds: float) -> int:
    """Return a lifetime as Redis takes it: at least one millisecond."""
    return max(1, ceil(seconds * 1000))


def issuer_mark(issuer: str) -> bytes:
    """Return what stands for *issuer* in Redis."""
    return _hash(issuer)


def _hash(*names: str) -> bytes:
    # Each name is hashed by itself, so that no two of them are one with others.
    digests = (sha256(name.encode("utf-8", "surrogatepass")).digest() for name in names)
    return sha256(b"".join(digests)).hexdigest().encode()
