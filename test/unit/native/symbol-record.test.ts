import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseSymbolRecords } from "#src/native/symbol-record.js";
import { symbolRecord } from "../../support/symbol-records.js";

const BPF = 1;
const OUT_OF_LINE = 2;
const address = 0xffffffffc0029114n;
const program = { address, length: 65, name: "bpf_prog_2dec6095a96498fa_spin", made: true, timeNs: 7n };

describe("records of the kernel's symbols", () => {
  it("tell what was made and taken back, in the order of time", () => {
    const records = [
      symbolRecord({ ...program, made: false, timeNs: 9n }, BPF),
      symbolRecord(program, BPF),
      symbolRecord({ ...program, name: "ftrace_trampoline", timeNs: 8n }, OUT_OF_LINE),
      symbolRecord({ ...program, name: "kprobe_optinsn_page", timeNs: 8n }, OUT_OF_LINE),
      symbolRecord({ ...program, name: "of_a_later_kernel", timeNs: 10n }, 3),
    ];
    const changes = parseSymbolRecords(Buffer.concat(records)) ?? [];
    assert.deepEqual(
      changes.map(({ name, module, made }) => `${made ? "+" : "-"}${name} ${module}`),
      [
        "+bpf_prog_2dec6095a96498fa_spin bpf",
        "+ftrace_trampoline __builtin__ftrace",
        "+kprobe_optinsn_page __builtin__kprobes",
        "-bpf_prog_2dec6095a96498fa_spin bpf",
        "+ ",
      ],
    );
    assert.deepEqual(changes[0], { ...program, module: "bpf" });
  });

  it("say nothing where some were lost, and pass over those of another kind", () => {
    const lost = symbolRecord(program, BPF, 2);
    const other = symbolRecord(program, BPF, 5);
    assert.equal(parseSymbolRecords(Buffer.concat([symbolRecord(program, BPF), lost])), undefined);
    assert.equal(parseSymbolRecords(Buffer.concat([other, symbolRecord(program, BPF)]))?.length, 1);
    assert.deepEqual(parseSymbolRecords(new Uint8Array(0)), []);
  });

  it("may be any bytes, wherever they are cut", () => {
    const whole = Buffer.concat([symbolRecord(program, BPF), symbolRecord({ ...program, name: "" }, OUT_OF_LINE)]);
    for (let end = 0; end <= whole.length; end++) parseSymbolRecords(whole.subarray(0, end));
    const damaged = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.from(whole);
      bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const changes = parseSymbolRecords(bytes);
        assert.ok(changes === undefined || changes.length <= bytes.length / 8);
      }),
      { numRuns: 2000 },
    );
  });
});
