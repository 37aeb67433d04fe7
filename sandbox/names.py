"""Words the practice data is drawn from, divided by blanks."""

FIRST_NAMES = (
    "Alan Aisha Anneke Bernard Bláthnaid Carys Cedric Chidi Clara Dafydd Delphine Desmond Dilys "
    "Eamon Elspeth Emeka Estelle Farida Fergus Fiona François Gareth Geraint Gwen Hamish Hannah "
    "Hiroko Imogen Isaac Jasper Jocelyn Joaquín Kamila Kenneth Kwame Leila Lionel Maeve Marek "
    "Maud Meredith Nadia Neville Niamh Nils Olga Oscar Pascal Petra Quentin Rahul Renée Rhys "
    "Rupert Salma Siobhán Søren Stella Tariq Thelma Ulla Una Vikram Violet Winston Yusuf Zara"
)
SURNAMES = (
    "Abernathy Akhtar Alderton Banerjee Bellweather Bjørnstad Blackett Brannigan Cadwallader "
    "Chaudhry Clitheroe Coppersmith D'Souza Delacroix Dunmore Eastlake Eriksson Fairweather "
    "Fitzgerald Gallagher García Greenhalgh Gupta Hartnell Hathersage Holloway Ibrahim Ingleby "
    "Jankowski Jellicoe Kavanagh Kowalczyk Langstaff Lindqvist Llewellyn MacAllister Mbeki "
    "Middlemarch Moncrieff Morgenstern Ní-Bhriain Northcott O'Connell O'Donoghue O'Sullivan "
    "Osei Pemberton Penhaligon Petrov Quayle Ravenscroft Rossi Rutherford Sánchez Satterthwaite "
    "Sheppard Silva Strand Tanaka Thistlewood Trelawney Tuckwell Underhill van-Dijk Vaughan "
    "Wainwright Weatherby Wolstenholme Yamamoto Yardley Zielińska"
)
POSTCODE_AREAS = "BA BD BH BN CH CM CT CV DE DH DN DY FK GL GU HD HG IP KT LA LL LN ME MK NG NN"
