# A client and a service of gRPC by Debian's ruby-grpc, years older than grpcio: see talk.py.

require "grpc"
require "json"

$stdout.sync = true
SERVICE = "test.Talk"
PATIENCE = 60
OPTIONS = { "grpc.enable_http_proxy" => 0, "grpc.max_receive_message_length" => -1 }.freeze

# Messages are bytes, so that no code needs to be generated.
module Talk
  class Service
    include GRPC::GenericService
    self.marshal_class_method = :new
    self.unmarshal_class_method = :new
    self.service_name = SERVICE
    rpc :Unary, String, String
    rpc :Count, String, stream(String)
    rpc :Join, stream(String), String
    rpc :AnswerEach, stream(String), stream(String)
    rpc :Fail, String, String
    rpc :FailLate, String, stream(String)
    rpc :Wait, String, stream(String)
    rpc :Hang, String, String
    rpc :WasCancelled, String, String
    rpc :Unknown, String, String
  end
  Stub = Service.rpc_stub_class
end

class Served < Talk::Service
  def self.cancelled
    @cancelled ||= Queue.new
  end

  def unary(request, call)
    call.send_initial_metadata({ "x-echo" => call.metadata.fetch("x-echo", "") })
    call.output_metadata["x-trailer-bin"] = "\x00\xff".b
    "unary ".b + request
  end

  def count(request, _call)
    Array.new(request.to_i, &:to_s).each
  end

  def join(call)
    joined = +""
    call.each_remote_read { |piece| joined << piece }
    joined
  end

  def answer_each(requests, _call)
    Enumerator.new { |out| requests.each { |piece| out << "#{piece}!" } }
  end

  def fail(_request, _call)
    raise GRPC::NotFound, "not found: ä%"
  end

  def fail_late(_request, _call)
    Enumerator.new do |out|
      out << "one"
      raise GRPC::DataLoss, "lost"
    end
  end

  def wait(_request, _call)
    Enumerator.new do |out|
      loop do # a service of this version sees a cancel only by what it cannot send any more
        out << "waiting"
        sleep 0.02
      end
    ensure
      Served.cancelled << true
    end
  end

  def hang(_request, _call)
    sleep PATIENCE
    ""
  end

  def was_cancelled(_request, _call)
    Served.cancelled.pop
    "yes"
  end

  def unknown(_request, _call)
    raise GRPC::Unimplemented, "unknown"
  end
end

def serve(key, certificate)
  server = GRPC::RpcServer.new(pool_size: 64, server_args: OPTIONS)
  pair = [{ private_key: File.read(key), cert_chain: File.read(certificate) }]
  plain = server.add_http2_port("127.0.0.1:0", :this_port_is_insecure)
  secure = server.add_http2_port("127.0.0.1:0", GRPC::Core::ServerCredentials.new(nil, pair, false))
  server.handle(Served)
  Thread.new do
    server.wait_till_running
    puts JSON.generate({ plain: plain, secure: secure })
  end
  server.run_till_terminated_or_interrupted(["TERM"])
end

def failure
  yield
  ["no failure"]
rescue GRPC::BadStatus => e
  [e.code, e.details.dup.force_encoding("UTF-8")]
end

def ask(address, authority, name, good, weak)
  trusted = authority.empty? ? :this_channel_is_insecure : GRPC::Core::ChannelCredentials.new(File.read(authority))
  stub = Talk::Stub.new(address, trusted, channel_args: OPTIONS.merge({ "grpc.default_authority" => name }))
  fields = { "authorization" => "Bearer #{good}" }
  weaker = { "authorization" => "Bearer #{weak}" }
  long = ->(seconds = PATIENCE) { Time.now + seconds }
  results = {}

  call = stub.unary("hello", metadata: fields.merge({ "x-echo" => "echoed" }), deadline: long.call, return_op: true)
  answer = call.execute
  call.wait
  results[:metadata] = [answer, call.metadata["x-echo"], call.trailing_metadata["x-trailer-bin"].unpack1("H*")]
  results[:count] = stub.count("5", metadata: fields, deadline: long.call).to_a
  results[:nothing] = stub.count("0", metadata: fields, deadline: long.call).to_a
  results[:join] = stub.join(["a", "b", "", "c"], metadata: fields, deadline: long.call)

  turn = Queue.new
  turn << true
  requests = Enumerator.new do |out|
    3.times do |number|
      turn.pop
      out << number.to_s
    end
  end
  answers = []
  stub.answer_each(requests, metadata: fields, deadline: long.call).each do |one|
    answers << one
    turn << true
  end
  results[:ping_pong] = answers

  results[:failure] = failure { stub.fail("x", metadata: fields, deadline: long.call) }
  late = []
  code = failure { stub.fail_late("x", metadata: fields, deadline: long.call).each { |one| late << one } }
  results[:late_failure] = late + code
  results[:deadline] = failure { stub.hang("x", metadata: fields, deadline: long.call(0.4)) }[0]

  call = stub.wait("x", metadata: fields, deadline: long.call, return_op: true)
  first = nil
  code = failure do
    call.execute.each do |one|
      first = one
      call.cancel
    end
  end
  results[:cancel] = [first, code[0]]
  results[:was_cancelled] = stub.was_cancelled("", metadata: fields, deadline: long.call)

  content = (0..255).to_a.pack("C*") * ((3 << 20) / 256)
  results[:large] = stub.unary(content, metadata: fields, deadline: long.call) == "unary ".b + content
  threads = Array.new(50) do |at|
    Thread.new { stub.unary(at.to_s, metadata: fields, deadline: long.call) }
  end
  results[:at_once] = threads.map(&:value) == Array.new(50) { |at| "unary #{at}" }
  results[:unknown] = failure { stub.unknown("x", metadata: fields, deadline: long.call) }[0]
  results[:no_token] = failure { stub.unary("x", deadline: long.call) }[0]
  results[:weak_token] = failure { stub.unary("x", metadata: weaker, deadline: long.call) }[0]
  puts JSON.generate(results)
end

verb, *rest = ARGV
verb == "serve" ? serve(*rest) : ask(*rest)
