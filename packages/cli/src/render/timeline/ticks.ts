/** Where the lines of a time axis stand: round numbers of milliseconds from 0 to `length`, at most eleven. */
export function ticks(length: number): number[] {
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400].map(
    (s) => s * 1000,
  );
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, ...seconds];
  const step = steps.find((each) => length / each <= 10) ?? Math.ceil(length / 10);
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step);
}
