import { executableSegments } from "../../elf/elf-file.js";
import { frameKind } from "../../native/abi.generated.js";
import { encodeInterpreter } from "../code-range.js";
import type { Interpreter } from "../interpreter.js";
import { encodeHotspotLayout } from "./layout.js";
import { readVmStructs } from "./vm-structs.js";

const MAX_VERSION = 40;

/** The JVM of OpenJDK: libjvm.so, which says of itself where its structures have what. */
export const HOTSPOT: Interpreter = {
  name: "hotspot",
  detect({ elf, exports }) {
    if (exports.find("gHotSpotVMStructs") === undefined) return undefined;
    const vm = readVmStructs(elf, exports);
    const version = vm?.text("Abstract_VM_Version", "_s_vm_release")?.slice(0, MAX_VERSION) ?? "of unknown version";
    const unknown = { name: "hotspot", problem: `hotspot ${version}: unknown layout` } as const;
    const layout = vm && encodeHotspotLayout(vm);
    if (layout === undefined) return unknown;
    // The load bias is told by any of its executable segments; a linker makes one.
    const ranges = executableSegments(elf)
      .slice(0, 1)
      .map(({ elfAddress, fileSize }) => ({ elfAddress, size: fileSize, role: 0 }));
    const bytes = encodeInterpreter(elf, frameKind.hotspot, ranges, layout);
    return bytes === undefined || ranges.length === 0 ? unknown : { name: "hotspot", version, bytes };
  },
};
