import { executableSegments } from "../../elf/elf-file.js";
import { frameKind } from "../../native/abi.generated.js";
import { encodeInterpreter } from "../code-range.js";
import type { Interpreter } from "../interpreter.js";
import { encodeHotspotLayout } from "./layout.js";
import { findNameLayout } from "./name-layout.js";
import { readVmStructs, type VmStructs } from "./vm-structs.js";

/** The JVM of OpenJDK: libjvm.so, which says of itself where its structures have what. */
export const HOTSPOT: Interpreter = {
  name: "hotspot",
  detect({ elf, exports }) {
    if (exports.find("gHotSpotVMStructs") === undefined) return undefined;
    const vm = readVmStructs(elf, exports);
    const version = versionOf(vm);
    const unknown = { name: "hotspot", problem: `hotspot ${version}: unknown layout` } as const;
    const layout = vm && encodeHotspotLayout(vm);
    if (vm === undefined || layout === undefined) return unknown;
    // The load bias is told by any of its executable segments; a linker makes one.
    const ranges = executableSegments(elf)
      .slice(0, 1)
      .map(({ elfAddress, fileSize }) => ({ elfAddress, size: fileSize, role: 0 }));
    const bytes = encodeInterpreter(elf, frameKind.hotspot, ranges, layout);
    if (bytes === undefined || ranges.length === 0) return unknown;
    const nameLayout = findNameLayout(vm);
    return { name: "hotspot", version, bytes, ...(nameLayout && { nameLayout }) };
  },
};

/** "17.0.15"; 8 writes its version down when it is loaded, and is "8". */
function versionOf(vm: VmStructs | undefined): string {
  if (vm?.address("CodeCache", "_heap") !== undefined) return "8";
  const [major = 0, minor = 0, security = 0] = ["_vm_major_version", "_vm_minor_version", "_vm_security_version"].map(
    (field) => vm?.int("Abstract_VM_Version", field),
  );
  return major > 0 && major < 1000 ? `${major}.${minor}.${security}` : "of unknown version";
}
