/** Its lines go to the run's log. */
declare const console: Record<"debug" | "info" | "log" | "warn" | "error", (...values: unknown[]) => void>;
