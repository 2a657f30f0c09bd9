import type { DeliveryStatus } from "../delivery/deliver-to.js";
import type { MetricRegistry, MetricRow } from "./registry.js";

type Amounts = DeliveryStatus["dropped"];
type ReadAmount = (amount: DeliveryStatus["accepted"]) => number;

/**
 * Uploads to intakes: what became of them, and what still waits. Results have rows from the start, that an increase from
 * nothing is seen; reasons come as they happen.
 *
 * @param statuses Read at each scrape; an element a destination.
 */
export function registerDeliveries(
  { counter, gauge }: MetricRegistry,
  statuses: () => readonly DeliveryStatus[],
): void {
  const each = (rows: (status: DeliveryStatus) => readonly MetricRow[]): readonly MetricRow[] =>
    statuses().flatMap((status) =>
      rows(status).map(([labels, value]): MetricRow => [{ destination: status.name, ...labels }, value]),
    );
  const results = (read: ReadAmount) =>
    each(({ accepted, refused, dropped }) => [
      [{ result: "accepted" }, read(accepted)],
      [{ result: "refused" }, sumOf(refused, read)],
      [{ result: "dropped" }, sumOf(dropped, read)],
    ]);
  const labels = ["destination", "result"];
  counter(
    { name: "hostflame_delivery_uploads_total", help: "Uploads by destination and what became of them", labels },
    () => results(({ uploads }) => uploads),
  );
  counter(
    {
      name: "hostflame_delivery_profiles_total",
      help: "Profiles in uploads, by destination and what became of them",
      labels,
    },
    () => results(({ profiles }) => profiles),
  );
  counter(
    {
      name: "hostflame_delivery_bytes_total",
      help: "Bytes of uploads, by destination and what became of them",
      labels,
    },
    () => results(({ bytes }) => bytes),
  );
  counter(
    {
      name: "hostflame_delivery_failures_total",
      help: "Uploads that were refused or dropped, by destination and reason",
      labels: ["destination", "result", "reason"],
      // Up to eight destinations, each with some thirty reasons of both kinds.
      maxRows: 512,
    },
    () => each(({ refused, dropped }) => [...rowsOf("refused", refused), ...rowsOf("dropped", dropped)]),
  );
  counter(
    {
      name: "hostflame_delivery_queued_uploads_total",
      help: "Uploads that windows handed over, by destination",
      labels: ["destination"],
    },
    () => each(({ queued }) => [[{}, queued.uploads]]),
  );
  counter(
    {
      name: "hostflame_delivery_retries_total",
      help: "Tries to send an upload that failed and are made again, by destination and reason",
      labels: ["destination", "reason"],
      maxRows: 256,
    },
    () => each(({ retries }) => [...retries].map(([reason, { uploads }]): MetricRow => [{ reason }, uploads])),
  );
  const places = ["destination", "place"];
  const waiting = (read: (waiting: DeliveryStatus["spool"]) => number) =>
    each(({ memory, spool }) => [
      [{ place: "memory" }, read(memory)],
      [{ place: "spool" }, read(spool)],
    ]);
  gauge(
    {
      name: "hostflame_delivery_waiting_uploads",
      help: "Uploads that were not accepted yet, by destination and place",
      labels: places,
    },
    () => waiting(({ uploads }) => uploads),
  );
  gauge(
    {
      name: "hostflame_delivery_waiting_bytes",
      help: "Bytes of uploads that were not accepted yet, by destination and place",
      labels: places,
    },
    () => waiting(({ bytes }) => bytes),
  );
  gauge(
    {
      name: "hostflame_delivery_limit_bytes",
      help: "Bytes of uploads that a place has room for, by destination and place; the oldest is dropped beyond it",
      labels: places,
    },
    () =>
      each(({ limits }) => [
        [{ place: "memory" }, limits.memoryBytes],
        [{ place: "spool" }, limits.spoolBytes],
      ]),
  );
  gauge(
    {
      name: "hostflame_delivery_waiting_oldest_seconds",
      help: "Age of the oldest upload that waits, by destination and place",
      labels: places,
    },
    () => waiting(({ oldestAgeMs }) => oldestAgeMs / 1000),
  );
  gauge(
    {
      name: "hostflame_delivery_away_seconds",
      help: "How long the intake has taken nothing; 0 while it answers",
      labels: ["destination"],
    },
    () => each(({ awayMs }) => [[{}, (awayMs ?? 0) / 1000]]),
  );
  gauge(
    {
      name: "hostflame_delivery_spool_usable",
      help: "0 while uploads cannot be kept on the disk",
      labels: ["destination"],
    },
    () => each(({ spoolProblem }) => [[{}, spoolProblem === undefined ? 1 : 0]]),
  );
  counter(
    {
      name: "hostflame_delivery_spool_files_total",
      help: "Files of the spool: written, and found whole or half written at the start",
      labels: ["destination", "kind"],
    },
    () =>
      each(({ spoolCounts: { written, recovered, partials } }) => [
        [{ kind: "written" }, written],
        [{ kind: "found" }, recovered],
        [{ kind: "partial" }, partials],
      ]),
  );
}

function rowsOf(result: string, amounts: Amounts): readonly MetricRow[] {
  return [...amounts].map(([reason, { uploads }]): MetricRow => [{ result, reason }, uploads]);
}

function sumOf(amounts: Amounts, read: ReadAmount): number {
  return [...amounts.values()].reduce((sum, amount) => sum + read(amount), 0);
}
