import { gunzipSync } from "node:zlib";
import { TOOL_VERSION } from "#src/model/tool.js";
import type { Upload } from "#src/model/upload.js";
import { readFields } from "#src/protobuf/reader.js";
import { checkValid } from "../check-valid.js";
import { parseForm } from "./form.js";
import { otlpText } from "./otlp-text.js";

/** An upload as a person reads it: request, headers, and what is in the body, compression and encoding taken off. */
export function uploadText({ id, startNs, endNs, path, headers, body }: Upload): string {
  const [place, query] = path.split("?");
  const lines = [
    `POST ${place}`,
    ...[...new URLSearchParams(query)].map(([name, value]) => `  ? ${name} = ${value}`),
    ...Object.entries(headers)
      .sort()
      .map(([name, value]) => `  ${name}: ${value}`),
    `window ${startNs} to ${endNs}`,
    "",
    bodyText(place, headers, body),
  ];
  return `${lines.join("\n")}\n`
    .replaceAll(id, "<id>")
    .replaceAll(TOOL_VERSION, "<version>")
    .replace(/\bcpu_arch:\w+/, "cpu_arch:<architecture>");
}

function bodyText(path: string, headers: Readonly<Record<string, string>>, body: Uint8Array): string {
  const type = headers["content-type"] ?? "";
  if (type.startsWith("multipart/")) {
    return parseForm(type, body)
      .map(({ name, fileName, contentType, body: part }) => {
        const text = contentType === "application/json" ? eventText(part.toString("utf8")) : pprofText(part);
        return `part ${name}, file ${fileName}, ${contentType}\n${indented(text)}`;
      })
      .join("\n\n");
  }
  if (path.includes("ProfilesService") || path.endsWith("/v1development/profiles")) return otlpText(gunzipSync(body));
  if (path.endsWith("/WriteRaw")) return rawSeriesText(body, { series: 2, hasLabelSet: true });
  if (path.endsWith("/Push")) return rawSeriesText(body, { series: 1, hasLabelSet: false });
  if (type === "application/json") return gatewayText(Buffer.from(body).toString("utf8"));
  return pprofText(body);
}

/** The tags one a line: they are a list, in one text. */
function eventText(json: string): string {
  const { tags_profiler: tags = "", ...event } = JSON.parse(json) as Record<string, string>;
  return `${JSON.stringify(event, null, 2)}\ntags_profiler:\n${indented(tags.split(",").join("\n"))}`;
}

/** Push's and WriteRaw's series, which are alike. */
function rawSeriesText(body: Uint8Array, { series, hasLabelSet }: { series: number; hasLabelSet: boolean }): string {
  const lines: string[] = [];
  const pair = (bytes: Uint8Array): void => {
    const words: string[] = [];
    readFields(bytes, (field, value) => (words[field] = value.text()));
    lines.push(`label ${words[1]} = ${words[2]}`);
  };
  readFields(body, (field, message) => {
    if (field !== series) {
      lines.push(`field ${field}: ${message.varint()}`);
      return;
    }
    readFields(message.bytes(), (part, value) => {
      if (part === 1 && hasLabelSet) readFields(value.bytes(), (_, label) => pair(label.bytes()));
      else if (part === 1) pair(value.bytes());
      else {
        readFields(value.bytes(), (sampleField, sample) => {
          lines.push(sampleField === 1 ? `raw_profile\n${indented(pprofText(sample.bytes()))}` : `ID ${sample.text()}`);
        });
      }
    });
  });
  return lines.join("\n");
}

function gatewayText(json: string): string {
  const request = JSON.parse(json) as { series: { samples: { rawProfile: string }[] }[] };
  const [{ samples }] = request.series;
  const pprof = pprofText(Buffer.from(samples[0].rawProfile, "base64"));
  samples[0].rawProfile = "<below>";
  return `${JSON.stringify(request, null, 2)}\n${pprof}`;
}

/** What a pprof says, a sample a line, root first. */
export function pprofText(bytes: Uint8Array): string {
  const profile = checkValid(bytes);
  const text = (index: number | bigint): string => profile.stringTable.strings[Number(index)];
  const type = (row: { type: number | bigint; unit: number | bigint } | undefined): string =>
    row === undefined ? "none" : `${text(row.type)}/${text(row.unit)}`;
  const samples = profile.sample.map(({ locationId, value, label }) => {
    const frames = locationId.toReversed().flatMap((id) => {
      return profile.location[Number(id) - 1].line
        .toReversed()
        .map((line) => text(profile.function[Number(line.functionId) - 1].name));
    });
    const labels = label.map(
      ({ key, str, num }) => `${text(key)}=${Number(str) === 0 ? String(num) : JSON.stringify(text(str))}`,
    );
    return `${frames.join(";")} ${value.join(" ")}${labels.length === 0 ? "" : ` {${labels.join(", ")}}`}`;
  });
  return [
    `pprof of ${profile.sampleType.map(type).join(" ")}, shown first ${text(profile.defaultSampleType)}`,
    `period ${profile.period} ${type(profile.periodType)}, from ${profile.timeNanos}, for ${profile.durationNanos}`,
    `comments ${profile.comment.map(text).join("; ")}`,
    ...samples.map((sample) => `  ${sample}`),
  ].join("\n");
}

export function indented(text: string): string {
  return text.replace(/^/gm, "  ");
}
