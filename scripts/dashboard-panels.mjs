/* A panel of the dashboard as Grafana has it, out of what it asks and what that means. */

/** Chosen by the person who looks. */
export const datasource = { type: "prometheus", uid: "${datasource}" };

const HEIGHT = 7;

/** One number. `bad`: from where on it is red. */
export function stat(title, description, expr, { unit = "short", bad }) {
  const steps = [{ color: "green", value: null }, ...(bad === undefined ? [] : [{ color: "red", value: bad }])];
  return {
    ...{ type: "stat", title, description, width: 4, height: 4 },
    fieldConfig: { defaults: { unit, thresholds: { mode: "absolute", steps } }, overrides: [] },
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      colorMode: "value",
      graphMode: "area",
    },
    targets: targetsOf([[expr, ""]]),
  };
}

/** Lines over time; `queries`: what is asked, and what each line is called. */
export function graph(title, description, width, unit, queries) {
  const custom = { drawStyle: "line", fillOpacity: 10, lineWidth: 1, showPoints: "never", spanNulls: false };
  return {
    ...{ type: "timeseries", title, description, width, height: HEIGHT },
    fieldConfig: { defaults: { unit, min: 0, custom }, overrides: [] },
    options: {
      legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: targetsOf(queries),
  };
}

function targetsOf(queries) {
  return queries.map(([expr, legendFormat], index) => ({
    ...{ refId: String.fromCharCode(65 + index), datasource, editorMode: "code", expr, legendFormat, range: true },
  }));
}
