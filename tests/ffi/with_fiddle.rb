# Ruby's fiddle: closures of blocks.
require "fiddle"

libc = Fiddle.dlopen(nil)
prctl = Fiddle::Function.new(libc["prctl"], [Fiddle::TYPE_INT, Fiddle::TYPE_LONG, Fiddle::TYPE_LONG,
                                             Fiddle::TYPE_LONG, Fiddle::TYPE_LONG], Fiddle::TYPE_INT)
puts "no PR_SET_MDWE here" unless prctl.call(65, 1, 0, 0, 0) == 0

compare = Class.new(Fiddle::Closure) do
  def call(a, b)
    Fiddle::Pointer.new(a)[0, 4].unpack1("i") - Fiddle::Pointer.new(b)[0, 4].unpack1("i")
  end
end.new(Fiddle::TYPE_INT, [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP])

numbers = (0...1000).map { |i| i * 7919 % 1000 }
memory = Fiddle::Pointer.to_ptr(numbers.pack("i*"))
qsort = Fiddle::Function.new(libc["qsort"], [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_SIZE_T,
                                             Fiddle::TYPE_VOIDP], Fiddle::TYPE_VOID)
qsort.call(memory, 1000, 4, compare)
raise "not sorted" unless memory[0, 4000].unpack("i*") == numbers.sort

add = Class.new(Fiddle::Closure) { def call(a, b) = a + b }
3000.times do
  closure = add.new(Fiddle::TYPE_DOUBLE, [Fiddle::TYPE_DOUBLE, Fiddle::TYPE_CHAR])
  types = [Fiddle::TYPE_DOUBLE, Fiddle::TYPE_CHAR]
  raise "wrong" unless Fiddle::Function.new(closure, types, Fiddle::TYPE_DOUBLE).call(1.5, -3) == -1.5
end

File.foreach("/proc/self/maps") do |line|
  _, flags, _, _, _, path = line.split(" ", 6)
  both = flags.include?("w") && flags.include?("x")
  shared = flags[3] == "s" && (path.to_s.strip.empty? || path.include?("(deleted)"))
  puts "bad: #{line}" if both || shared
end
puts "done"
