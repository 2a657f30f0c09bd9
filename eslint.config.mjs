import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** ESLint looks for what is wrong; how things look is prettier's alone. */
export default defineConfig(
  globalIgnores(["build", "dist", "hostflame-out", "**/*.generated.ts"]),
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/promise-function-async": "off",
      // Numbers in messages are what messages are for.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // An index into a typed array that the code has just bounded is not made safer by a branch never taken.
      "@typescript-eslint/no-non-null-assertion": "off",
      // noUncheckedIndexedAccess is off for the typed arrays' sake, so the types say more than is certain.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // `return this.print(x)` ends a case in one line.
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      // environment["NAME"]: dots are for names that the type knows.
      "@typescript-eslint/dot-notation": ["error", { allowIndexSignaturePropertyAccess: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  {
    files: ["**/*.{ts,mjs}"],
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-console": "off",
      "no-throw-literal": "error",
      "no-var": "error",
      "prefer-const": "error",
      "max-lines": ["error", { max: 500 }],
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
      "no-warning-comments": "off",
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "Enums of the ABI are generated; others are unions of strings." },
        { selector: "TSModuleDeclaration[kind='namespace']", message: "A file is a namespace." },
        {
          selector: "ClassDeclaration[superClass][superClass.name!=/Error$/]",
          message: "Compose; only errors inherit.",
        },
      ],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      "max-lines": ["error", { max: 600 }],
      // node:test's own functions return promises that its runner awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", name: ["test", "it", "describe", "suite"], package: "node:test" },
          ],
        },
      ],
    },
  },
  {
    // A tool's configuration file is what the tool says it is.
    files: ["eslint.config.mjs"],
    rules: { "no-restricted-exports": "off" },
  },
);
