use super::*;

fn product(level: &str, images: &[&str], more: &str) -> String {
    let images = images.iter().map(|i| format!("<IMAGE_FILE>GRANULE/G1/IMG_DATA/{i}</IMAGE_FILE>"));
    let images = images.collect::<Vec<_>>().concat();
    format!(
        "<p><PROCESSING_LEVEL>{level}</PROCESSING_LEVEL><PRODUCT_URI>S2A_X.SAFE</PRODUCT_URI>\
         <PRODUCT_START_TIME>2022-02-01T10:00:00.026Z</PRODUCT_START_TIME><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>\
         <Granule>{images}</Granule>{more}<Cloud_Coverage_Assessment>11.5</Cloud_Coverage_Assessment></p>"
    )
}

const GRANULE: &str = "<g><TILE_ID>S2A_OPER_MSI_L2A_TL_SGS__20180101T124911_A013204_T31TDH_N02.06</TILE_ID>
    <SENSING_TIME>2022-02-01T10:00:05.457Z</SENSING_TIME><HORIZONTAL_CS_CODE>EPSG:32631</HORIZONTAL_CS_CODE>
    <Size resolution=\"10\"><NROWS>10980</NROWS><NCOLS>10980</NCOLS></Size>
    <Size resolution=\"60\"><NROWS>1830</NROWS><NCOLS>1830</NCOLS></Size>
    <Size resolution=\"20\"><NROWS>5490</NROWS><NCOLS>5490</NCOLS></Size>
    <Geoposition resolution=\"10\"><ULX>399960</ULX><ULY>4800000</ULY><XDIM>10</XDIM><YDIM>-10</YDIM></Geoposition>
    <Geoposition resolution=\"20\"><ULX>399960</ULX><ULY>4800000</ULY><XDIM>20</XDIM><YDIM>-20</YDIM></Geoposition>
    <Geoposition resolution=\"60\"><ULX>399960</ULX><ULY>4800000</ULY><XDIM>60</XDIM><YDIM>-60</YDIM></Geoposition>
    <Mean_Sun_Angle><ZENITH_ANGLE>67.5</ZENITH_ANGLE><AZIMUTH_ANGLE>161</AZIMUTH_ANGLE></Mean_Sun_Angle></g>";

const LEVEL_2: &str = "<BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>\
    <BOA_ADD_OFFSET band_id=\"1\">-1000</BOA_ADD_OFFSET><BOA_ADD_OFFSET band_id=\"0\">-900</BOA_ADD_OFFSET>";

#[test]
fn offsets_are_those_of_the_bands_own_numbers() {
    let images =
        ["R10m/T_B02_10m", "R20m/T_B02_20m", "R60m/T_B01_60m", "R20m/T_B01_20m", "R20m/T_SCL_20m", "R10m/T_AOT_10m"];
    let safe = SafeProduct::read(&product("Level-2A", &images, LEVEL_2), "MTD_MSIL2A.xml").unwrap();
    assert_eq!((safe.product(), safe.granule().unwrap().as_str()), ("sentinel2_l2a_safe", "GRANULE/G1/MTD_TL.xml"));
    let document = safe.document(GRANULE, &|_| true).unwrap();
    let measurement = |name: &str| document["measurements"][name].clone();
    assert_eq!(
        measurement("blue"),
        json!({"path": "GRANULE/G1/IMG_DATA/R10m/T_B02_10m.jp2", "scale_factor": 0.0001, "add_offset": -0.1})
    );
    assert_eq!(
        measurement("coastal"),
        json!({"path": "GRANULE/G1/IMG_DATA/R60m/T_B01_60m.jp2", "grid": "60m", "scale_factor": 0.0001, "add_offset": -0.09})
    );
    assert_eq!(measurement("scl"), json!({"path": "GRANULE/G1/IMG_DATA/R20m/T_SCL_20m.jp2", "grid": "20m"}));
    assert_eq!(measurement("aot"), json!({"path": "GRANULE/G1/IMG_DATA/R10m/T_AOT_10m.jp2"}));
    assert_eq!(document["grids"]["default"]["shape"], json!([10980, 10980]));
    let properties = &document["properties"];
    assert_eq!(properties["datetime"], "2022-02-01T10:00:05.457Z");
    assert_eq!((&properties["odc:region_code"], &properties["sat:absolute_orbit"]), (&json!("31TDH"), &json!(13204)));
    assert_eq!((&properties["eo:cloud_cover"], &properties["eo:sun_elevation"]), (&json!(11.5), &json!(22.5)));
}

#[test]
fn before_baseline_4_what_the_product_says_stands() {
    let more = "<QUANTIFICATION_VALUE unit=\"none\">10000</QUANTIFICATION_VALUE>";
    let safe = SafeProduct::read(&product("Level-1C", &["T_B01", "T_B02", "T_TCI"], more), "MTD_MSIL1C.xml").unwrap();
    let document = safe.document(GRANULE, &|path| path.contains("B01")).unwrap();
    let measurements = document["measurements"].as_object().unwrap();
    assert_eq!(measurements.keys().collect::<Vec<_>>(), ["coastal"]);
    assert_eq!(measurements["coastal"], json!({"path": "GRANULE/G1/IMG_DATA/T_B01.jp2"}));
    assert_eq!(document["grids"]["default"]["transform"][0], json!(60.0));
    let none = safe.document(GRANULE, &|_| false).unwrap_err();
    assert!(none.contains("none of the 3 images") && none.contains("T_B01.jp2"), "{none}");
}

#[test]
fn what_is_no_product_is_told_in_a_sentence() {
    let more = "<QUANTIFICATION_VALUE>10000</QUANTIFICATION_VALUE>";
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><a>&b;</a>";
    let two = format!("{}<Granule/></p>", product("Level-1C", &["T_B01"], more).strip_suffix("</p>").unwrap());
    for (text, says) in [
        ("<a/>", "PROCESSING_LEVEL"),
        ("<a", "is no XML"),
        (bomb, "is no XML"),
        (two.as_str(), "names 2 granules"),
        (product("Level-1C", &["../../../etc/B01"], more).as_str(), "outside its folder"),
        (product("Level-1C", &["T_B01"], "").as_str(), "QUANTIFICATION_VALUE"),
        (product("Level-0", &["T_B01"], more).as_str(), "is of Level-0"),
    ] {
        let error = SafeProduct::read(text, "MTD_MSIL1C.xml").unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}
