//! Curves as SVG.
#![forbid(unsafe_code)]

use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

pub struct Curve {
    /// Part of the picture's name: curves of one name are in one picture.
    pub file: &'static str,
    /// Of the server.
    pub name: String,
    pub points: Vec<(u32, f64)>,
}

const COLOURS: [RGBColor; 4] =
    [RGBColor(192, 57, 43), RGBColor(211, 132, 32), RGBColor(31, 119, 180), RGBColor(44, 130, 80)];

/// Both axes are logarithmic: numbers span three decades, and ratios show as distances.
pub fn draw(file: &Path, x: &str, y: &str, curves: &[&Curve]) -> Result<(), Box<dyn Error>> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        let (least, most) = values
            .fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), value| (least.min(value), most.max(value)));
        (least.max(f64::MIN_POSITIVE) / 1.5, most * 1.5)
    };
    if points().next().is_none() {
        return Err("no points".into());
    }
    let (left, right) = bounds(&mut points().map(|point| f64::from(point.0)));
    let (low, high) = bounds(&mut points().map(|point| point.1));
    let area = SVGBackend::new(file, (720, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
    let label = |value: &f64| if *value >= 10.0 { format!("{value:.0}") } else { format!("{value}") };
    chart
        .configure_mesh()
        .light_line_style(BLACK.mix(0.04))
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .draw()?;
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let points = || curve.points.iter().map(|(x, y)| (f64::from(*x), *y));
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(&curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    // Curves fall to the right: there is room below them at the left.
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_curves_and_names() {
        let file = std::env::temp_dir().join(format!("plot-{}.svg", std::process::id()));
        let curve = |name: &str, points| Curve { file: "cpu", name: name.into(), points };
        let (one, two) = (curve("janus", vec![(10, 2.0), (1000, 20.0)]), curve("janus-rs", vec![(10, 1.0)]));
        draw(&file, "viewers", "µs", &[&one, &two]).unwrap();
        let svg = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(svg.matches("<circle").count(), 3);
        for part in ["viewers", "janus-rs", "<polyline"] {
            assert!(svg.contains(part), "{part}");
        }
        assert!(draw(&file, "viewers", "µs", &[]).is_err());
    }
}
