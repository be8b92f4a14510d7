//! The formulas: moments, quantiles, histograms, correlation.
//!
//! Sums are taken over distances from the first value, so that equal values have a deviation of exactly 0.

/// Count, mean, sample deviation, least and greatest of finite values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moments {
    pub(super) count: u64,
    pub(super) mean: f64,
    pub(super) std: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// Replaces what JSON cannot write.
pub(super) fn clean(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// Computes the moments; of no values all are 0. The deviation of a single value is 0.
#[allow(clippy::cast_precision_loss)] // Nobody has 2^53 values.
pub(super) fn moments(values: impl Iterator<Item = f64> + Clone) -> Moments {
    let Some(first) = values.clone().next() else {
        return Moments::default();
    };
    let (mut count, mut sum, mut min, mut max) = (0_u64, 0.0, first, first);
    for value in values.clone() {
        count += 1;
        sum += value - first;
        min = min.min(value);
        max = max.max(value);
    }
    let distance = sum / count as f64;
    let squares: f64 = values.map(|value| (value - first - distance).powi(2)).sum();
    let std = if count > 1 {
        (squares / (count - 1) as f64).sqrt()
    } else {
        0.0
    };
    Moments {
        count,
        mean: clean(first + distance),
        std: clean(std),
        min,
        max,
    }
}

/// Computes quantiles with linear interpolation, for ascending fractions. The order of the values changes.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // An index is neither negative nor that large.
pub(super) fn quantiles<const N: usize>(mut values: &mut [f64], fractions: [f64; N]) -> [f64; N] {
    let last = match values.len() {
        0 => return [0.0; N],
        len => (len - 1) as f64,
    };
    let mut skipped = 0;
    fractions.map(|fraction| {
        let place = fraction * last;
        let below = place.floor() as usize - skipped;
        let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
        let low = *low;
        let high = above.iter().copied().fold(f64::INFINITY, f64::min);
        let part = place - place.floor();
        // What is below is of no interest to the fractions that follow.
        let rest = std::mem::take(&mut values);
        values = &mut rest[below..];
        skipped += below;
        clean(if part > 0.0 { low + (high - low) * part } else { low })
    })
}

/// Counts values in bins of one width; the last bin holds its upper edge, too. A constant series spans its value +-0.5.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // Bins are few, places within them.
pub(super) fn histogram(values: &[f64], bins: usize) -> (Vec<u64>, Vec<f64>) {
    let mut counts = vec![0; bins];
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = match (least, greatest) {
        _ if values.is_empty() => (0.0, 1.0),
        (least, greatest) if least < greatest => (least, greatest),
        (value, _) => (value - 0.5, value + 0.5),
    };
    let width = match (high - low) / bins as f64 {
        width if width.is_finite() => width,
        // The distance of two finite numbers may not be finite.
        _ => high / bins as f64 - low / bins as f64,
    };
    let edge = |index: usize| match low + index as f64 * width {
        edge if edge.is_finite() => edge,
        _ => low * (1.0 - index as f64 / bins as f64) + high * (index as f64 / bins as f64),
    };
    let mut edges: Vec<f64> = (0..bins).map(edge).collect();
    edges.push(high);
    for value in values {
        let mut bin = ((value / width - low / width) as usize).min(bins - 1);
        // The division may be off by a rounding error; the edges decide.
        while bin > 0 && *value < edges[bin] {
            bin -= 1;
        }
        while bin + 1 < bins && *value >= edges[bin + 1] {
            bin += 1;
        }
        counts[bin] += 1;
    }
    (counts, edges)
}

/// Values as distances from their mean.
#[derive(Clone, Debug)]
pub(super) struct Centred {
    distances: Vec<f64>,
    norm: f64,
}

impl Centred {
    /// Takes values; with fewer than two, or of one value only, nothing goes together.
    pub(super) fn new(values: &[f64]) -> Option<Self> {
        let moments = moments(values.iter().copied());
        if moments.count < 2 || moments.min >= moments.max {
            return None;
        }
        let distances: Vec<f64> = values.iter().map(|value| value - moments.mean).collect();
        let norm = distances.iter().map(|distance| distance * distance).sum::<f64>().sqrt();
        Some(Self { distances, norm })
    }

    /// Pearson's correlation with values of the same length; 0 where it is not defined.
    pub(super) fn correlation(&self, other: &Self) -> f64 {
        let products = self.distances.iter().zip(&other.distances).map(|(a, b)| a * b);
        clean(products.sum::<f64>() / (self.norm * other.norm)).clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_a_sample() {
        // Distances from the mean 0.5: -0.3, -0.1, 0.1, 0.3; their squares add up to 0.2.
        let moments = moments([0.2, 0.4, 0.6, 0.8].into_iter());
        assert!((moments.mean - 0.5).abs() < 1e-15);
        assert!((moments.std - (0.2_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!((moments.count, moments.min, moments.max), (4, 0.2, 0.8));
        let constant = super::moments([0.1; 7].into_iter());
        assert_eq!((constant.mean, constant.std), (0.1, 0.0));
        assert_eq!(super::moments([3.0].into_iter()).std, 0.0);
        assert_eq!(super::moments(std::iter::empty()), Moments::default());
    }

    #[test]
    fn quantiles_are_interpolated() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantiles(&mut values, [0.25, 0.5, 0.75]), [1.75, 2.5, 3.25]);
        let mut values = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!(
            quantiles(&mut values, [0.0, 0.25, 0.5, 0.75, 1.0]),
            [1.0, 2.0, 3.0, 4.0, 5.0]
        );
        assert_eq!(quantiles(&mut [7.0], [0.25, 0.5, 0.75]), [7.0, 7.0, 7.0]);
        assert_eq!(quantiles(&mut [], [0.5]), [0.0]);
    }

    #[test]
    fn the_last_bin_is_closed_and_a_constant_series_is_spread() {
        assert_eq!(histogram(&[0.0, 0.5, 1.0], 2), (vec![1, 2], vec![0.0, 0.5, 1.0]));
        assert_eq!(
            histogram(&[3.0, 3.0], 4),
            (vec![0, 0, 2, 0], vec![2.5, 2.75, 3.0, 3.25, 3.5])
        );
        let values: Vec<f64> = (0..=10).map(|value| f64::from(value) / 10.0).collect();
        let (counts, edges) = histogram(&values, 10);
        assert_eq!(counts.iter().sum::<u64>(), 11);
        assert_eq!((counts[9], edges.len()), (2, 11));
        let (counts, edges) = histogram(&[f64::MIN, 0.0, f64::MAX], 3);
        assert_eq!(counts.iter().sum::<u64>(), 3);
        assert!(edges.iter().all(|edge| edge.is_finite()));
        assert_eq!(histogram(&[], 2), (vec![0, 0], vec![0.0, 0.5, 1.0]));
    }

    #[test]
    fn what_is_undefined_is_not_correlated() {
        let pearson = |x: &[f64], y: &[f64]| Some(Centred::new(x)?.correlation(&Centred::new(y)?));
        assert!((pearson(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]).unwrap() - 1.0).abs() < 1e-12);
        assert!((pearson(&[1.0, 2.0, 3.0], &[3.0, 1.0, 2.0]).unwrap() + 0.5).abs() < 1e-12);
        assert_eq!(pearson(&[0.1, 0.1, 0.1], &[2.0, 4.0, 6.0]), None);
        assert_eq!(pearson(&[1.0], &[2.0]), None);
        assert_eq!(pearson(&[], &[]), None);
        assert_eq!(pearson(&[f64::MAX, f64::MIN], &[1.0, 2.0]), Some(0.0));
    }
}
