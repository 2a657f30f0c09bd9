import type { HotspotNameLayout } from "#src/interpreters/hotspot/name-layout.js";

/** What libjvm.so of these JDKs says, x86-64: of Debian's 8u504, Temurin 11.0.13, Debian's 17.0.15, Temurin 21.0.8 and 25.0.3. */
export const hotspotLayouts: Readonly<Record<8 | 11 | 17 | 21 | 25, HotspotNameLayout>> = {
  "8": {
    method: {
      constMethod: 8,
    },
    constMethod: {
      bytes: 48,
      constants: 8,
      size: 24,
      flags: 28,
      hasLineNumbers: 1,
      codeSize: 32,
      nameIndex: 34,
    },
    pool: {
      bytes: 80,
      length: 60,
      holder: 24,
    },
    klass: {
      name: 16,
    },
    sourceFile: {
      in: "class",
      offset: 258,
    },
    symbol: {
      length: 0,
      hash: 4,
      body: 8,
    },
    blob: {
      name: 8,
      size: 16,
      codeBegin: 32,
      codeBeginIsAddress: false,
      frameComplete: 36,
      frameCompleteBytes: 4,
      blockBytes: 16,
      blockUsed: 8,
    },
    nmethod: {
      bytes: 296,
      method: 64,
      compileId: 204,
      scopesPcs: 180,
      scopesPcsEnd: 184,
      scopes: {
        kind: "header",
        data: 176,
      },
      metadata: {
        kind: "header",
        offset: 172,
      },
    },
    compressedBias: 0,
  },
  "11": {
    method: {
      constMethod: 8,
    },
    constMethod: {
      bytes: 56,
      constants: 8,
      size: 32,
      flags: 36,
      hasLineNumbers: 1,
      codeSize: 40,
      nameIndex: 42,
    },
    pool: {
      bytes: 64,
      length: 52,
      holder: 24,
    },
    klass: {
      name: 24,
    },
    sourceFile: {
      in: "class",
      offset: 298,
    },
    symbol: {
      length: 0,
      hash: 4,
      body: 6,
    },
    blob: {
      name: 96,
      size: 12,
      codeBegin: 32,
      codeBeginIsAddress: true,
      frameComplete: 20,
      frameCompleteBytes: 4,
      blockBytes: 16,
      blockUsed: 8,
    },
    nmethod: {
      bytes: 376,
      method: 112,
      compileId: 324,
      scopesPcs: 300,
      scopesPcsEnd: 304,
      scopes: {
        kind: "pointer",
        pointer: 120,
      },
      metadata: {
        kind: "header",
        offset: 292,
      },
    },
    compressedBias: 0,
  },
  "17": {
    method: {
      constMethod: 8,
    },
    constMethod: {
      bytes: 48,
      constants: 8,
      size: 24,
      flags: 28,
      hasLineNumbers: 1,
      codeSize: 32,
      nameIndex: 34,
    },
    pool: {
      bytes: 72,
      length: 60,
      holder: 24,
    },
    klass: {
      name: 24,
    },
    sourceFile: {
      in: "pool",
      offset: 54,
    },
    symbol: {
      length: 4,
      hash: 2,
      body: 6,
    },
    blob: {
      name: 96,
      size: 12,
      codeBegin: 32,
      codeBeginIsAddress: true,
      frameComplete: 20,
      frameCompleteBytes: 4,
      blockBytes: 16,
      blockUsed: 8,
    },
    nmethod: {
      bytes: 352,
      method: 112,
      compileId: 304,
      scopesPcs: 268,
      scopesPcsEnd: 272,
      scopes: {
        kind: "pointer",
        pointer: 120,
      },
      metadata: {
        kind: "header",
        offset: 260,
      },
    },
    compressedBias: 0,
  },
  "21": {
    method: {
      constMethod: 8,
    },
    constMethod: {
      bytes: 56,
      constants: 8,
      size: 24,
      flags: 28,
      hasLineNumbers: 1,
      codeSize: 34,
      nameIndex: 36,
    },
    pool: {
      bytes: 72,
      length: 60,
      holder: 24,
    },
    klass: {
      name: 24,
    },
    sourceFile: {
      in: "pool",
      offset: 54,
    },
    symbol: {
      length: 4,
      hash: 2,
      body: 6,
    },
    blob: {
      name: 64,
      size: 72,
      codeBegin: 8,
      codeBeginIsAddress: true,
      frameComplete: 80,
      frameCompleteBytes: 4,
      blockBytes: 16,
      blockUsed: 8,
    },
    nmethod: {
      bytes: 344,
      method: 112,
      compileId: 308,
      scopesPcs: 276,
      scopesPcsEnd: 280,
      scopes: {
        kind: "pointer",
        pointer: 120,
      },
      metadata: {
        kind: "header",
        offset: 268,
      },
    },
    compressedBias: 1,
  },
  "25": {
    method: {
      constMethod: 8,
    },
    constMethod: {
      bytes: 56,
      constants: 8,
      size: 24,
      flags: 28,
      hasLineNumbers: 1,
      codeSize: 34,
      nameIndex: 36,
    },
    pool: {
      bytes: 72,
      length: 60,
      holder: 24,
    },
    klass: {
      name: 24,
    },
    sourceFile: {
      in: "pool",
      offset: 54,
    },
    symbol: {
      length: 4,
      hash: 2,
      body: 6,
    },
    blob: {
      name: 8,
      size: 24,
      codeBegin: 36,
      codeBeginIsAddress: false,
      frameComplete: 54,
      frameCompleteBytes: 2,
      blockBytes: 8,
      blockUsed: 4,
    },
    nmethod: {
      bytes: 224,
      method: 80,
      compileId: 212,
      scopesPcs: 196,
      scopesPcsEnd: 0,
      scopes: {
        kind: "immutable",
        pointer: 96,
        size: 160,
        data: 200,
      },
      metadata: {
        kind: "mutable",
        pointer: 16,
        size: 48,
        relocationSize: 28,
      },
    },
    compressedBias: 1,
  },
};
