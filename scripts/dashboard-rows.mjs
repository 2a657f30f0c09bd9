/* What the dashboard shows: rows of panels, and what each asks of Prometheus. */
import { graph, stat } from "./dashboard-panels.mjs";

/** Of the nodes that are chosen. Every series goes through it. */
const S = 'cluster=~"$cluster", node=~"$node"';
const RATE = "[$__rate_interval]";
const LOST = `hostflame_samples_lost_total{${S}, reason!~"refused-.*"}`;

export const ROWS = [
  {
    title: "Is it healthy",
    panels: [
      stat("Nodes sampled", "Agents that are ready.", `sum(hostflame_health_ready{${S}})`, {}),
      stat(
        "Agents that do not answer",
        "Scrapes that fail; HostflameAgentDown after five minutes.",
        `count(up{job=~".*hostflame.*", ${S}} == 0) or vector(0)`,
        { bad: 1 },
      ),
      stat(
        "Samples lost",
        "Share of the samples that came into no profile; refused ones were not wanted.",
        `sum(rate(${LOST}${RATE})) / sum(rate(hostflame_bpf_samples_total{${S}}${RATE}) + rate(hostflame_bpf_samples_dropped_total{${S}}${RATE}))`,
        { unit: "percentunit", bad: 0.001 },
      ),
      stat(
        "Stacks not whole",
        "Share of the stacks that end before their root.",
        `1 - sum(rate(hostflame_samples_outcome_total{${S}, outcome="complete"}${RATE})) / sum(rate(hostflame_samples_outcome_total{${S}}${RATE}))`,
        { unit: "percentunit", bad: 0.1 },
      ),
      stat(
        "Intakes away",
        "Destinations, of each node, that took nothing for a minute.",
        `count(hostflame_delivery_away_seconds{${S}} > 60) or vector(0)`,
        { bad: 1 },
      ),
      stat(
        "CPU of an agent",
        "Mean of all agents, of one CPU; without BPF.",
        `avg(sum without (mode) (rate(hostflame_agent_cpu_seconds_total{${S}}${RATE})))`,
        { unit: "percentunit", bad: 0.1 },
      ),
      graph("Parts that are degraded", "Nodes by the part that /readyz says is degraded.", 12, "short", [
        [`sum by (part) (hostflame_health_part{${S}, state="degraded"})`, "{{part}}"],
      ]),
      graph("Versions", "Agents by version; two during a rollout.", 12, "short", [
        [`count by (version, machine) (hostflame_agent_info{${S}})`, "{{version}} {{machine}}"],
      ]),
    ],
  },
  {
    title: "What is lost",
    panels: [
      graph("Samples lost", "By reason. Whatever is refused is a pod's or the operator's wish.", 8, "ops", [
        [`sum by (reason) (rate(hostflame_samples_lost_total{${S}}${RATE}))`, "{{reason}}"],
      ]),
      graph("Stacks that end early", "Samples by why their stack ended, but for complete.", 8, "ops", [
        [
          `sum by (outcome) (rate(hostflame_samples_outcome_total{${S}, outcome!="complete"}${RATE})) > 0`,
          "{{outcome}}",
        ],
      ]),
      graph("Windows", "By what became of them.", 8, "ops", [
        [`sum by (result) (rate(hostflame_windows_result_total{${S}}${RATE}))`, "{{result}}"],
        [`sum(rate(hostflame_windows_postponed_total{${S}}${RATE}))`, "postponed"],
      ]),
      graph("Samples", "Taken, by node.", 8, "ops", [[`rate(hostflame_bpf_samples_total{${S}}${RATE})`, "{{node}}"]]),
      graph("Files that had problems", "Opened or converted, by problem.", 8, "ops", [
        [`sum by (problem) (rate(hostflame_unwind_problems_total{${S}}${RATE}))`, "{{problem}}"],
      ]),
      graph("Stack copies refused", "Of files met for the first time, by the bound that refused them.", 8, "ops", [
        [`sum(rate(hostflame_bpf_first_sights_refused_rate_total{${S}}${RATE}))`, "rate"],
        [`sum(rate(hostflame_bpf_first_sights_refused_ring_total{${S}}${RATE}))`, "ring"],
      ]),
    ],
  },
  {
    title: "Delivery",
    panels: [
      graph("Uploads", "By destination and what became of them.", 8, "ops", [
        [
          `sum by (destination, result) (rate(hostflame_delivery_uploads_total{${S}}${RATE}))`,
          "{{destination}} {{result}}",
        ],
      ]),
      graph("Uploads refused, dropped or tried again", "By reason.", 8, "ops", [
        [
          `sum by (destination, result, reason) (rate(hostflame_delivery_failures_total{${S}}${RATE}))`,
          "{{destination}} {{result}} {{reason}}",
        ],
        [
          `sum by (destination, reason) (rate(hostflame_delivery_retries_total{${S}}${RATE}))`,
          "{{destination}} again {{reason}}",
        ],
      ]),
      graph("Sent", "Bytes of uploads that were taken, by destination.", 8, "Bps", [
        [
          `sum by (destination) (rate(hostflame_delivery_bytes_total{${S}, result="accepted"}${RATE}))`,
          "{{destination}}",
        ],
      ]),
      graph("Spool", "Share that is full, by node; beyond one the oldest is dropped.", 8, "percentunit", [
        [
          `hostflame_delivery_waiting_bytes{${S}, place="spool"} / hostflame_delivery_limit_bytes{${S}, place="spool"}`,
          "{{node}} {{destination}}",
        ],
      ]),
      graph("Oldest upload that waits", "In memory or the spool.", 8, "s", [
        [
          `max by (node, destination, place) (hostflame_delivery_waiting_oldest_seconds{${S}})`,
          "{{node}} {{destination}} {{place}}",
        ],
      ]),
      graph("Away", "How long an intake has taken nothing from a node.", 8, "s", [
        [`hostflame_delivery_away_seconds{${S}} > 0`, "{{node}} {{destination}}"],
      ]),
      graph("Profiles", "By exporter and result; queued ones are uploads above.", 12, "ops", [
        [`sum by (exporter, result) (rate(hostflame_exports_profiles_total{${S}}${RATE}))`, "{{exporter}} {{result}}"],
      ]),
      graph("From a window's end to its last export", "By node.", 12, "s", [
        [`hostflame_windows_last_write_seconds{${S}}`, "{{node}}"],
      ]),
    ],
  },
  {
    title: "Labels",
    panels: [
      graph("Whose samples are", "By how much was known when they were labelled.", 8, "percentunit", [
        [
          `sum by (known) (rate(hostflame_labels_samples_total{${S}}${RATE})) / scalar(sum(rate(hostflame_labels_samples_total{${S}}${RATE})))`,
          "{{known}}",
        ],
      ]),
      graph("Who can be asked", "Sockets of runtimes that answer, and nodes whose pods are watched.", 8, "short", [
        [`sum by (runtime) (hostflame_runtimes_connected{${S}})`, "{{runtime}}"],
        [`sum by (runtime) (hostflame_runtimes_away{${S}}) > 0`, "{{runtime}} away"],
        [`sum(hostflame_pods_synced{${S}})`, "pods"],
      ]),
      graph(
        "Sampled of accounted CPU",
        "CPU time of containers by samples, of what the kernel accounts.",
        8,
        "percentunit",
        [
          [
            `increase(hostflame_container_cpu_sampled_seconds_total{${S}}[30m]) / increase(hostflame_container_cpu_accounted_seconds_total{${S}}[30m])`,
            "{{node}}",
          ],
        ],
      ),
      graph("Cgroups refused", "Not sampled by now, by why.", 8, "short", [
        [`sum by (reason) (hostflame_policy_refused_cgroups{${S}})`, "{{reason}}"],
      ]),
      graph("Processes looked at", "By what came of it.", 8, "ops", [
        [`sum by (result) (rate(hostflame_processes_total{${S}}${RATE})) > 0`, "{{result}}"],
      ]),
      graph(
        "Contradictions and mistakes",
        "Runtime and API server that disagree; annotations that make no sense.",
        8,
        "short",
        [
          [`sum(increase(hostflame_labels_contradictions_total{${S}}[1h]))`, "contradictions"],
          [`sum by (annotation) (increase(hostflame_labels_annotation_mistakes_total{${S}}[1h]))`, "{{annotation}}"],
        ],
      ),
    ],
  },
  {
    title: "Unwinding and names",
    panels: [
      graph("Unwind tables", "Memory of their rows, by node.", 8, "bytes", [
        [`hostflame_unwind_table_bytes{${S}}`, "{{node}}"],
      ]),
      graph("Files converted", "New ones, and tables evicted for them.", 8, "ops", [
        [`sum(rate(hostflame_unwind_conversions_total{${S}}${RATE}))`, "converted"],
        [`sum(rate(hostflame_unwind_evictions_total{${S}}${RATE}))`, "evicted"],
      ]),
      graph("Time for a file's rows", "Mean, on the worker.", 8, "s", [
        [
          `sum(rate(hostflame_unwind_build_seconds_total{${S}}${RATE})) / sum(rate(hostflame_unwind_conversions_total{${S}}${RATE}))`,
          "mean",
        ],
      ]),
      graph("Names found", "Of addresses that were new, by source.", 8, "ops", [
        [`sum by (source) (rate(hostflame_names_found_total{${S}}${RATE}))`, "{{source}}"],
      ]),
      graph("Addresses without a name", "Share of all, by reason.", 8, "percentunit", [
        [
          `sum by (reason) (rate(hostflame_names_missing_total{${S}}${RATE})) / scalar(sum(rate(hostflame_names_addresses_total{${S}}${RATE}))) > 0`,
          "{{reason}}",
        ],
      ]),
      graph("Names remembered", "Memory, by node.", 8, "bytes", [[`hostflame_names_cache_bytes{${S}}`, "{{node}}"]]),
    ],
  },
  {
    title: "Cost",
    panels: [
      graph("CPU of the agent", "Of one CPU, by node.", 8, "percentunit", [
        [`sum without (mode) (rate(hostflame_agent_cpu_seconds_total{${S}}${RATE}))`, "{{node}}"],
      ]),
      graph(
        "CPU of BPF",
        "Of one CPU: ticks, by the mean time of one run; where the kernel's statistics may be read.",
        8,
        "percentunit",
        [
          [
            `rate(hostflame_bpf_ticks_total{${S}}${RATE}) * on (cluster, node, instance) hostflame_bpf_run_seconds{${S}}`,
            "{{node}}",
          ],
        ],
      ),
      graph("Memory", "Resident, and BPF maps besides, by node.", 8, "bytes", [
        [`hostflame_agent_resident_memory_bytes{${S}}`, "{{node}}"],
        [`sum without (map) (hostflame_bpf_map_bytes{${S}})`, "{{node}} maps"],
      ]),
      graph("What the worker does", "Share of a CPU, by what it is asked.", 8, "percentunit", [
        [`sum by (call) (rate(hostflame_worker_busy_seconds_total{${S}}${RATE}))`, "{{call}}"],
      ]),
      graph("Event loop", "The longest that it was late within a minute.", 8, "s", [
        [`hostflame_agent_loop_delay_seconds{${S}}`, "{{node}}"],
      ]),
      graph("Open files", "By node.", 8, "short", [[`hostflame_agent_open_files{${S}}`, "{{node}}"]]),
      graph("Heap", "Of the main thread, by kind.", 12, "bytes", [
        [`sum by (kind) (hostflame_agent_heap_bytes{${S}})`, "{{kind}}"],
      ]),
      graph("Budget", "Level of what is shed, by resource; 0 is nothing.", 12, "short", [
        [`max by (node, resource) (hostflame_budget_level{${S}})`, "{{node}} {{resource}}"],
      ]),
    ],
  },
];
